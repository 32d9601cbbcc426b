"""One Client protocol, two transports; informers, work queues, leader election, kubeconfig."""
