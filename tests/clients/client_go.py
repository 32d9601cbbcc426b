"""A client-go program (its dynamic client, through `kubernetes-lite`): prints one JSON line a step.

usage: python client_go.py KUBECONFIG NAMESPACE
"""

import json
import sys
from pathlib import Path

from kubernetes_lite.client import DynamicClient


def main(kubeconfig: str, namespace: str) -> None:
    client = DynamicClient(config=Path(kubeconfig).read_bytes())
    config_maps = client.resource("v1", "ConfigMap")
    watch = config_maps.watch(namespace=namespace, label_selector="mine=yes")
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "go", "namespace": namespace, "labels": {"mine": "yes"}},
        "data": {"a": "1"},
    }
    say("created", config_maps.create(body)["data"])
    event = next(watch)
    say("event", [event["Type"], event["Object"]["metadata"]["name"]])
    body["data"]["a"] = "2"
    say("applied", config_maps.apply(body, field_manager="go", force=True)["data"])
    event = next(watch)
    say("event", [event["Type"], event["Object"]["data"]])
    watch.stop()
    try:
        config_maps.create(body)
    except Exception as error:
        say("refused", str(error))
    deployments = client.resource("apps/v1", "Deployment")
    say("listed", deployments.list(namespace=namespace, limit=1)["items"])
    config_maps.delete_collection(namespace=namespace, label_selector="mine=yes")
    left = config_maps.list(namespace=namespace, label_selector="mine=yes")["items"]
    say("left", left)


def say(step: str, what: object) -> None:
    print(json.dumps({step: what}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
