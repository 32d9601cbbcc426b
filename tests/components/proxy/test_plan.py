"""Service and slices -> listeners."""

from hyperpy.components.proxy.plan import Address, Endpoint, Target, plan


def service(**spec):
    ports = spec.pop("ports", [{"port": 80, "protocol": "TCP", "targetPort": 8080}])
    return {"metadata": {"name": "s", "namespace": "d"}, "spec": {"clusterIP": "10.96.0.9", "ports": ports, **spec}}


def endpoint(ip, node="n1", **conditions):
    return {"addresses": [ip], "nodeName": node, "conditions": conditions}


def part(*endpoints, port=8080, name="", protocol="TCP"):
    ports = [{"name": name, "port": port, "protocol": protocol}]
    return {"addressType": "IPv4", "endpoints": list(endpoints), "ports": ports}


def planned(service, *slices):
    return plan(service, slices, node="n1", node_addresses=["0.0.0.0"])


def test_a_cluster_ip_listens_in_the_cluster_and_a_node_port_on_the_node():
    ports = [{"port": 80, "protocol": "TCP", "nodePort": 30080}]
    found = planned(service(type="NodePort", ports=ports), part(endpoint("10.244.0.5", ready=True)))
    target = Target((Endpoint("10.244.0.5", 8080),))
    assert found.listeners == {
        Address(True, "TCP", "10.96.0.9", 80): target,
        Address(False, "TCP", "0.0.0.0", 30080): target,
    }


def test_ports_are_matched_by_name_and_protocol():
    ports = [{"port": 53, "protocol": "UDP", "name": "dns"}, {"port": 53, "protocol": "TCP", "name": "dns-tcp"}]
    found = planned(
        service(ports=ports),
        part(endpoint("10.244.0.5"), port=1053, name="dns", protocol="UDP"),
        part(endpoint("10.244.0.6"), port=2053, name="dns-tcp"),
    )
    assert {address.protocol: target.endpoints[0] for address, target in found.listeners.items()} == {
        "UDP": Endpoint("10.244.0.5", 1053),
        "TCP": Endpoint("10.244.0.6", 2053),
    }


def test_headless_and_external_name_services_and_services_without_endpoints_listen_nowhere():
    assert not planned(service(clusterIP="None"), part(endpoint("10.244.0.5"))).listeners
    assert not planned(service(type="ExternalName"), part(endpoint("10.244.0.5"))).listeners
    assert not planned(service()).listeners
    assert not planned(service(), part(endpoint("10.244.0.5", ready=False))).listeners


def test_serving_endpoints_that_terminate_are_used_only_when_none_is_ready():
    ending = endpoint("10.244.0.6", ready=False, serving=True, terminating=True)
    (both,) = planned(service(), part(endpoint("10.244.0.5", ready=True), ending)).listeners.values()
    assert both.endpoints == (Endpoint("10.244.0.5", 8080),)
    (last,) = planned(service(), part(ending)).listeners.values()
    assert last.endpoints == (Endpoint("10.244.0.6", 8080),)


def test_local_policies_keep_to_this_node():
    ports = [{"port": 80, "nodePort": 30080}]
    near, far = endpoint("10.244.0.5", node="n1"), endpoint("10.244.1.5", node="n2")
    local = service(ports=ports, externalTrafficPolicy="Local", type="NodePort")
    found = planned(local, part(near, far)).listeners
    assert len(found[Address(True, "TCP", "10.96.0.9", 80)].endpoints) == 2
    assert found[Address(False, "TCP", "0.0.0.0", 30080)].endpoints == (Endpoint("10.244.0.5", 8080),)
    assert not planned(service(internalTrafficPolicy="Local"), part(far)).listeners


def test_client_affinity_has_its_timeout():
    config = {"clientIP": {"timeoutSeconds": 60}}
    (found,) = planned(
        service(sessionAffinity="ClientIP", sessionAffinityConfig=config), part(endpoint("10.244.0.5"))
    ).listeners.values()
    assert found.affinity_s == 60


def test_what_is_not_supported_is_refused_by_name():
    ports = [{"port": 80, "protocol": "SCTP"}]
    found = planned(service(ports=ports, externalIPs=["1.2.3.4"]))
    assert [refusal.reason for refusal in found.refusals] == ["UnsupportedField", "UnsupportedProtocol"]
