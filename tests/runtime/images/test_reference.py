"""Image references are completed as Docker and Kubernetes complete them."""

import pytest

from hyperpy.runtime.images import reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("team/app", "docker.io/team/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:2", "localhost:5000/app:2"),
        ("registry.example:8443/a/b/c:v1.0", "registry.example:8443/a/b/c:v1.0"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"nginx:1@{DIGEST}", f"docker.io/library/nginx:1@{DIGEST}"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
    ],
)
def test_short_names_are_completed(text, whole):
    assert reference.normalize(text) == whole


@pytest.mark.parametrize(
    "text", ["", "Nginx", "a b", "nginx:", "nginx@sha256:12", "a//b", "-a", "nginx:tag!", "a/../b"]
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(reference.InvalidReference, match="invalid reference format"):
        reference.normalize(text)
