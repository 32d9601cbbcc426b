"""The volumes of pods: made before the first container starts, kept up to date, taken away when the pod is gone."""
