"""The cluster's keys and certificates, and the kubeconfigs made of them."""
