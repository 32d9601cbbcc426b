"""Prometheus' text format, read back with Prometheus' own parser."""

import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from hyperpy.components import exposition
from hyperpy.components.instruments import Instruments


def parsed(instruments, *, process=False):
    text = exposition.text(instruments.snapshot(), process=process).decode()
    return text, {family.name: family for family in text_string_to_metric_families(text)}


def test_counters_gauges_and_histograms_are_read_back():
    instruments = Instruments()
    instruments.counter("requests_total", "Requests.", ("verb",)).child('a"b\n').inc(3)
    instruments.gauge("now", "Now.").child().set(7)
    durations = instruments.histogram("took_seconds", "Took.", ("verb",), bounds=(0.5, 1000000)).child("GET")
    durations.observe(0.1)
    durations.observe(2)
    text, found = parsed(instruments)
    assert [(s.labels, s.value) for s in found["requests"].samples] == [({"verb": 'a"b\n'}, 3)]
    assert found["now"].type == "gauge"
    assert [(s.name, s.labels.get("le"), s.value) for s in found["took_seconds"].samples] == [
        ("took_seconds_bucket", "0.5", 1),
        ("took_seconds_bucket", "1e+06", 2),
        ("took_seconds_bucket", "+Inf", 2),
        ("took_seconds_sum", None, 2.1),
        ("took_seconds_count", None, 2),
    ]
    assert "# HELP requests_total Requests." in text
    assert "# TYPE requests_total counter" in text


def test_a_counter_of_an_older_name_keeps_it():
    instruments = Instruments()
    instruments.counter("authentication_attempts", "A.", ("result",)).child("success").inc()
    text, _ = parsed(instruments)
    assert 'authentication_attempts{result="success"} 1.0' in text
    assert "authentication_attempts_total" not in text


def test_the_process_tells_of_itself():
    _, found = parsed(Instruments(), process=True)
    assert found["process_resident_memory_bytes"].samples[0].value > 1_000_000
    assert found["process_open_fds"].samples[0].value > 0
    assert "process_start_time_seconds" in found


def test_the_library_is_loaded_by_the_first_scrape_only():
    code = "import sys, hyperpy.components.exposition as e; assert 'prometheus_client' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
