"""CEL expressions: typed variables, Kubernetes' libraries, and the errors' words."""

import datetime
import subprocess
import sys

import pytest

from hyperpy.api import cel
from hyperpy.api.cel import types

SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "span": {"type": "string", "format": "duration"},
        "data": {"type": "string", "format": "byte"},
        "x-y": {"type": "string"},
        "namespace": {"type": "string"},
        "port": {"x-kubernetes-int-or-string": True},
        "words": {"type": "array", "items": {"type": "string"}},
        "grid": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "parts": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"at": {"type": "string", "format": "date"}}},
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "missing": {"type": "string"},
    },
}
SELF = {
    "metadata": {"name": "web"}, "count": 3, "ratio": 2, "when": "2024-01-02T03:04:05Z", "day": "2024-01-02",
    "span": "1h", "data": "aGk=", "x-y": "q", "namespace": "ns", "port": "50%", "words": ["a", "b"], "grid": [[1]],
    "parts": {"one": {"at": "2020-01-01"}}, "free": {"any": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def env() -> cel.Environment:
    kind = types.of_schema(SCHEMA, root=True)
    assert kind is not None
    return cel.environment(
        {
            "self": kind,
            "oldSelf": types.optional(kind),
            "any": types.DYN,
            "authorizer": types.AUTHORIZER,
            "authorizer.requestResource": types.RESOURCE_CHECK,
        }
    )


OWN = cel.Access("", "apps", "deployments", namespace="here")


def ask(access: cel.Access) -> cel.Answer:
    if access.verb == "broken":
        return cel.Answer(False, "", "cannot tell")
    return cel.Answer(access.verb == "get", f"{access.group}/{access.resource}/{access.namespace}{access.path}")


def value(env: cel.Environment, expression: str, **more: object) -> object:
    given = {"self": SELF, "any": SELF, "authorizer": ask, "authorizer.requestResource": OWN, **more}
    return env.compile(expression).evaluate(given)


TRUE = [
    "self.count > 2",
    "self.ratio + 0.5 == 2.5",
    "self.ratio < 3 && 1 >= 0.5 && 1.5 < 2",
    "self.when.getFullYear() == 2024 && self.when > timestamp('2024-01-01T00:00:00Z')",
    "self.day == timestamp('2024-01-02T00:00:00Z')",
    "self.span == duration('60m')",
    "self.data == b'hi'",
    "self.x__dash__y == 'q' && self.__namespace__ == 'ns'",
    "self.port == '50%' && type(self.port) == string",
    "self.metadata.name == 'web' && !has(self.metadata.generateName)",
    "self.grid[0][0] == 1",
    "self.parts.all(k, self.parts[k].at.getFullYear() == 2020)",
    "!has(self.missing) && has(self.words)",
    "self.?missing.orValue('none') == 'none' && any.?nothing.?at.hasValue() == false",
    "self.words.map(w, w.upperAscii()).join('-') == 'A-B'",
    "'%s has %d'.format(['x', 3]) == 'x has 3' && 'a,b'.split(',').size() == 2 && ' a '.trim() == 'a'",
    "'abc'.substring(1, 2) == 'b' && 'abab'.replace('a', 'c', 1) == 'cbab' && 'abc'.charAt(0) == 'a'",
    "self.words.all(i, w, i < 2 && w != '') && self.words.exists(i, w, i == 1 && w == 'b')",
    "self.words.transformMap(i, w, w)[1] == 'b' && {'a': 1}.transformList(k, v, k) == ['a']",
    "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
    "self.words.isSorted() && ![2, 1].isSorted() && [1, 2].sum() == 3 && [1.5, 2.5].sum() == 4.0",
    "[3, 1].min() == 1 && [3, 1].max() == 3 && [duration('1s'), duration('2s')].sum() == duration('3s')",
    "[timestamp('2020-01-01T00:00:00Z')].min().getFullYear() == 2020",
    "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && ['a'].indexOf('b') == -1",
    "'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3",
    "'abc 12 13'.find('[0-9]+') == '12' && 'abc'.find('[0-9]') == ''",
    "'a1 b2'.findAll('([a-z])([0-9])') == ['a1', 'b2'] && 'a1 b2'.findAll('[a-z]', 1) == ['a']",
    "'(x)'.find('[(].[)]') == '(x)' && '(x)'.find('\\\\(x\\\\)') == '(x)'",
    "url('https://me@h.example:80/a/b?q=1&q=2').getHost() == 'h.example:80'",
    "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'",
    "url('https://h/p?q=1&q=2').getQuery()['q'] == ['1', '2'] && url('/p%20q').getEscapedPath() == '/p%20q'",
    "url('HTTPS://h').getScheme() == 'https' && isURL('/a') && !isURL('a b') && !isURL('')",
    "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1') == quantity('1000m')",
    "quantity('1').add(2).sub(quantity('500m')).asApproximateFloat() == 2.5 && quantity('-1').sign() == -1",
    "quantity('2k').asInteger() == 2000 && !quantity('1m').isInteger() && isQuantity('1Mi') && !isQuantity('x')",
    "quantity('1').compareTo(quantity('2')) == -1 && quantity('1').isLessThan(quantity('2'))",
    "ip('::1').isLoopback() && ip('127.0.0.1').family() == 4 && string(ip('0:0::1')) == '::1'",
    "isIP('1.2.3.4') && !isIP('::ffff:1.2.3.4') && ip.isCanonical('::1') && !ip.isCanonical('::0:1')",
    "ip('8.8.8.8').isGlobalUnicast() && ip('169.254.0.1').isLinkLocalUnicast() && ip('0.0.0.0').isUnspecified()",
    "ip('224.0.0.1').isLinkLocalMulticast() && ip('ff02::1').isLinkLocalMulticast()",
    "cidr('10.0.0.0/8').containsIP('10.1.1.1') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
    "string(cidr('10.1.2.3/8').masked()) == '10.0.0.0/8' && cidr('10.1.2.3/8').prefixLength() == 8",
    "cidr('10.1.2.3/8').ip() == ip('10.1.2.3') && isCIDR('::/0') && !isCIDR('10.0.0.1')",
    "string(1) == '1' && string(true) == 'true' && string(b'a') == 'a' && string(1.5) == '1.5'",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-a.1').isLessThan(semver('1.0.0'))",
    "semver('v1.2', true).minor() == 2 && semver('01.02.03', true).patch() == 3 && !isSemver('v1')",
    "semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')) == -1 && isSemver('1.0', true)",
    "semver('1.2.3') == semver('1.2.3') && semver('2.0.0').major() == 2",
    "sets.contains([1, 2], [1]) && sets.equivalent([1, 1], [1]) && sets.intersects([1], [1, 2])",
    "!format.dns1123Label().validate('a').hasValue() && format.dns1123Label().validate('A').hasValue()",
    "format.named('uuid').value().validate('x').value() == ['does not match the UUID format']",
    "!format.named('nothing').hasValue() && !format.datetime().validate('2024-01-02T03:04:05Z').hasValue()",
    "!format.dns1123LabelPrefix().validate('a-').hasValue() && format.byte().validate('!').hasValue()",
    "!format.uri().validate('https://a').hasValue() && format.date().validate('2024-1-2').hasValue()",
    "!format.qualifiedName().validate('a/b').hasValue() && !format.labelValue().validate('').hasValue()",
    "authorizer.group('apps').resource('deployments').namespace('d').check('get').allowed()",
    "authorizer.group('apps').resource('x').subresource('status').name('n').check('get').reason() == 'apps/x/'",
    "!authorizer.requestResource.check('list').allowed() && authorizer.requestResource.check('get').reason() == "
    "'apps/deployments/here' && authorizer.path('/x').check('get').reason() == '///x'",
    "authorizer.path('/x').check('broken').errored() && authorizer.path('/').check('broken').error() == 'cannot tell'",
    "!oldSelf.hasValue() && oldSelf.optMap(old, old.count == 2).orValue(true)",
]


@pytest.mark.parametrize("expression", TRUE)
def test_expression_is_true(env: cel.Environment, expression: str):
    program = env.compile(expression)
    assert program.returns == "bool"
    assert value(env, expression) is True


COMPILE_ERRORS = {
    "an unknown field": ("self.zz", "ERROR: <input>:1:5: undefined field 'zz'\n | self.zz\n | ....^"),
    "an unknown field deeper down": ("self.parts['a'].at2 == ''", "undefined field 'at2'"),
    "a field of the metadata that rules may not see": ("self.metadata.labels", "undefined field 'labels'"),
    "a field below unknown fields": ("self.free.any", "undefined field 'any'"),
    "a field of a number": ("self.count.x", "type 'int' does not support field selection"),
    "an unknown variable": ("foo", "undeclared reference to 'foo' (in container '')"),
    "a wrong operand": ("self.count + 'a'", "found no matching overload for '_+_' applied to '(int, string)'"),
    "a wrong argument": ("self.missing.startsWith(1)", "no matching overload for 'startsWith' applied to"),
    "an opaque value": ("quantity('1').number", "type 'kubernetes.Quantity' does not support field selection"),
    "two kinds of values": ("quantity('1').isLessThan(semver('1.0.0'))", "no matching overload for 'isLessThan'"),
    "no expression": ("", "Syntax error: mismatched input '<EOF>'"),
    "half of one": ("1 +", "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>'"),
    "one that breaks out": ("1), (2", "ERROR: <input>:1:2: Syntax error: mismatched input ')'"),
    "a reserved word": ("namespace", "reserved identifier: namespace"),
    "the old object as if it were there": ("oldSelf.missing == ''", "no matching overload"),
    "too long": (f"'{'a' * 100_000}'", "expression code point size exceeds limit: size: 100002, limit 100000"),
    "too deep": ("(" * 300 + "1" + ")" * 300, "expression recursion limit exceeded: 32"),
}


@pytest.mark.parametrize(("expression", "message"), COMPILE_ERRORS.values(), ids=COMPILE_ERRORS.keys())
def test_wrong_expression_is_refused_when_compiled(env: cel.Environment, expression: str, message: str):
    with pytest.raises(cel.CelError) as caught:
        env.compile(expression)
    assert message in str(caught.value)
    assert str(caught.value).startswith("ERROR: <input>:")


EVALUATION_ERRORS = {
    "a field that is not there": ("self.missing == ''", "no such key: missing"),
    "a key that is not there": ("self.parts['q'].at == self.day", "no such key: q"),
    "an index beyond": ("self.words[9]", "index out of bounds: 9"),
    "a division by zero": ("1 / (self.count - 3)", "division by zero"),
    "types that do not fit": ("self.port + 1 > 2", "no such overload"),
    "overflow": ("9223372036854775807 + self.count", "integer overflow"),
    "the least of nothing": ("[1].filter(x, x > 1).min()", "min called on empty list"),
    "a bad quantity": ("quantity(self.x__dash__y).isInteger()", "quantities must match the regular expression"),
    "a bad pattern": ("'a'.find('(')", "Illegal regex"),
    "a bad URL": ("url('x').getHost()", 'parse "x": invalid URI for request'),
    "an optional value as the result": ("optional.of(1)", "optional value"),
    "an optional value as an argument": ("[1].indexOf(dyn(optional.of(1)))", "no such overload"),
    "no end in sight": (
        "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].all(c, "
        "[0,1,2,3,4,5,6,7,8,9].all(d, a + b + c + d >= 0))))",
        "operation cancelled: actual cost limit exceeded",
    ),
}


@pytest.mark.parametrize(("expression", "message"), EVALUATION_ERRORS.values(), ids=EVALUATION_ERRORS.keys())
def test_failing_evaluation_tells_why(env: cel.Environment, expression: str, message: str):
    with pytest.raises(cel.CelError) as caught:
        value(env, expression)
    assert message in str(caught.value)


def test_errors_do_not_spread_beyond_a_decided_choice(env: cel.Environment):
    assert value(env, "self.missing == '' || true") is True
    assert value(env, "false && 1 / 0 == 1") is False


def test_optional_old_value_is_there_when_given(env: cel.Environment):
    assert value(env, "oldSelf.hasValue() && oldSelf.value().count == 2", oldSelf={"count": 2}) is True
    assert value(env, "oldSelf.?when.hasValue() ? oldSelf.value().when == self.when : false", oldSelf=SELF) is True


def test_results_are_plain_values(env: cel.Environment):
    assert value(env, "self.count") == 3
    assert value(env, "self.words") == ["a", "b"]
    assert value(env, "{'a': self.ratio}") == {"a": 2.0}
    assert value(env, "b'x'") == b"x"
    assert value(env, "null") is None
    assert value(env, "duration('1m')") == datetime.timedelta(seconds=60)
    assert value(env, "self.when") == datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def test_types_are_told_in_kubernetes_words(env: cel.Environment):
    returned = {text: env.compile(text).returns for text in ("self.words", "self.port", "'a'", "{'a': 1}", "1.5")}
    assert returned == {
        "self.words": "list(string)", "self.port": "dyn", "'a'": "string", "{'a': 1}": "map(string, int)",
        "1.5": "double",
    }  # fmt: skip


def test_input_serves_several_programs(env: cel.Environment):
    given = env.input({"self": SELF, "authorizer": ask})
    assert env.compile("self.count").evaluate(given) == 3
    assert env.compile("authorizer.path('/').check('get').allowed()").evaluate(given) is True


def test_authorizer_without_anyone_to_ask_fails(env: cel.Environment):
    with pytest.raises(cel.CelError, match="no authorizer is at hand"):
        env.compile("authorizer.path('/').check('get').allowed()").evaluate({"self": SELF})


def test_built_in_kind_has_a_type():
    pod = types.of_schema({"$ref": "io.k8s.api.core.v1.Pod"})
    assert pod is not None
    env = cel.environment({"object": pod})
    ready = env.compile("object.spec.containers.all(c, c.image.startsWith('r/') && !has(c.resources.limits))")
    assert ready.evaluate({"object": {"spec": {"containers": [{"image": "r/a", "resources": {}}]}}}) is True
    with pytest.raises(cel.CelError, match="undefined field 'imagee'"):
        env.compile("object.spec.containers.all(c, c.imagee == '')")


def test_schema_that_contains_itself_has_a_type():
    props = types.of_schema({"$ref": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"})
    assert props is not None
    env = cel.environment({"self": props})
    assert env.compile("self.not.not.maxLength > 1").evaluate({"self": {"not": {"not": {"maxLength": 2}}}}) is True


def test_fields_whose_names_only_differ_in_style_live_together():
    schema = {"type": "object", "properties": {"m_m": {"type": "string"}, "mM": {"type": "string"}}}
    kind = types.of_schema(schema)
    assert kind is not None
    env = cel.environment({"self": kind})
    assert env.compile("self.m_m != self.mM").evaluate({"self": {"m_m": "a", "mM": "b"}}) is True


def test_runtime_is_not_loaded_before_it_is_used():
    code = "import sys, hyperpy.api.cel; sys.exit(any(name.startswith('cel_expr') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_types_of_one_name_are_kept_apart():
    first, second = types.obj("Thing", {"a": types.STRING}), types.obj("Thing", {"b": types.STRING})
    assert first != second
    assert cel.environment({"self": first}).compile("self.a").returns == "string"
    assert cel.environment({"self": second}).compile("self.b").returns == "string"
    assert cel.environment({"self": first}) is cel.environment({"self": first})
