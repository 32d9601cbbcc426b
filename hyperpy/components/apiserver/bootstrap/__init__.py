"""What a cluster holds from its first second: namespaces, roles, flow schemas, the `kubernetes` Service, APIServices.

`run` makes it right once, before the API server says that it is ready; `keep` keeps the Service right from then on.
"""

from __future__ import annotations

import asyncio

from hyperpy.api.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, NAMESPACE, PRIORITY_CLASS, ROLE, ROLE_BINDING
from hyperpy.components.apiserver.bootstrap import (
    component_roles,
    controller_roles,
    ensure,
    flow_schemas,
    kubernetes_service,
    local_services,
    priority_classes,
    roles,
    service_range,
    system_roles,
    token_tracking,
    user_roles,
)
from hyperpy.components.apiserver.bootstrap.kubernetes_service import keep
from hyperpy.components.apiserver.core import Core
from hyperpy.components.apiserver.resources import ResourceHandler

__all__ = ["HOOKS", "NAMESPACES", "keep", "run"]

#: What is done when `run` has ended, as health checks name it.
HOOKS = (
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/bootstrap-controller",
    "poststarthook/rbac/bootstrap-roles",
)
NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


async def run(handler: ResourceHandler) -> None:
    """Make what is missing and mend what has changed. Runs again at every start; does nothing when all is there.

    Raises:
        StoreError, ExceptionGroup: the store does not answer.
    """
    core = handler.core
    await handler.definitions.start()
    namespaces = [_namespace(name) for name in NAMESPACES]
    await ensure.all_of(core, NAMESPACE, namespaces, mend=lambda current, wanted: current)
    async with asyncio.TaskGroup() as group:  # so that few commits to the store do for all of them
        works = _ensure_classes, _ensure_roles, flow_schemas.ensure_all, local_services.ensure_built_in
        for work in (*works, token_tracking.ensure_all):
            group.create_task(work(core), name="bootstrap")
        await kubernetes_service.ensure_all(core)
        await service_range.ensure(core)
        await core.services.load()


async def _ensure_classes(core: Core) -> None:
    classes = priority_classes.PRIORITY_CLASSES
    await ensure.all_of(core, PRIORITY_CLASS, classes, mend=lambda current, wanted: current)


async def _ensure_roles(core: Core) -> None:
    families = (user_roles, component_roles, system_roles, controller_roles)
    cluster_roles = [roles.cluster_role(role) for family in families for role in family.CLUSTER_ROLES]
    await ensure.all_of(core, CLUSTER_ROLE, cluster_roles, mend=roles.mend_role)
    bindings = [roles.binding(each) for family in families for each in family.BINDINGS]
    await ensure.all_of(core, CLUSTER_ROLE_BINDING, bindings, mend=roles.mend_binding)
    own = [roles.role(each) for each in system_roles.ROLES]
    await ensure.all_of(core, ROLE, own, mend=roles.mend_role, namespace=roles.SYSTEM)
    own = [roles.role_binding(each) for each in system_roles.ROLE_BINDINGS]
    await ensure.all_of(core, ROLE_BINDING, own, mend=roles.mend_binding, namespace=roles.SYSTEM)


def _namespace(name: str) -> ensure.Obj:
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}}
