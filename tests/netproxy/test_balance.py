"""Balancers: every endpoint is offered once, turns are fair, affinity holds and ends."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hyperpy.netproxy.balance import ClientAffinity, Endpoint, LeastConnections, RandomChoice, RoundRobin

endpoints = st.lists(st.integers(1, 60), min_size=1, max_size=8, unique=True).map(
    lambda numbers: [Endpoint(f"10.0.0.{n}", 80) for n in numbers]
)


@given(endpoints, st.integers(0, 2**32), st.integers(1, 20))
def test_every_balancer_offers_every_endpoint_once(pool, seed, rounds):
    for balancer in (
        RoundRobin(),
        RandomChoice(random.Random(seed)),
        LeastConnections({}),
        ClientAffinity(RoundRobin(), timeout_s=5),
    ):
        for turn in range(rounds):
            order = balancer.order(pool, client="c", now=float(turn))
            assert sorted(order) == sorted(pool)


@given(endpoints, st.integers(1, 5))
def test_round_robin_is_fair(pool, rounds):
    balancer = RoundRobin()
    first = [balancer.order(pool, client="c", now=0)[0] for _ in range(rounds * len(pool))]
    assert all(first.count(endpoint) == rounds for endpoint in pool)


def test_least_connections_takes_the_idlest():
    a, b = Endpoint("a", 1), Endpoint("b", 1)
    assert LeastConnections({a: 2, b: 1}).order([a, b], client="", now=0)[0] == b


def test_affinity_keeps_a_client_until_it_was_silent_for_the_timeout():
    pool = [Endpoint("a", 1), Endpoint("b", 1)]
    balancer = ClientAffinity(RoundRobin(), timeout_s=10)
    first = balancer.order(pool, client="x", now=0)[0]
    assert balancer.order(pool, client="x", now=9)[0] == first
    assert balancer.order(pool, client="x", now=18)[0] == first
    assert balancer.order(pool, client="x", now=29)[0] != first


def test_affinity_lets_go_of_an_endpoint_that_is_gone():
    balancer = ClientAffinity(RoundRobin(), timeout_s=10)
    a, b = Endpoint("a", 1), Endpoint("b", 1)
    assert balancer.order([a], client="x", now=0) == [a]
    assert balancer.order([b], client="x", now=1) == [b]


def test_affinity_forgets_the_oldest_client_when_the_table_is_full():
    pool = [Endpoint("a", 1), Endpoint("b", 1)]
    balancer = ClientAffinity(RoundRobin(), timeout_s=100, capacity=1)
    first = balancer.order(pool, client="x", now=0)[0]
    balancer.order(pool, client="y", now=0)
    assert balancer.order(pool, client="x", now=0)[0] == first  # its turn again, not its memory
    assert balancer.order(pool, client="y", now=0)[0] != first
