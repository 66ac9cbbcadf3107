from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.package_repositories.addresses import KINDS, AddressRules
from wheelyard.control.package_repositories.network import system_resolver
from wheelyard.core.errors import InvalidParameter

DEFAULT = AddressRules.default()


def kind(address: str, rules: AddressRules = DEFAULT, host: str = "pkgs.example.com") -> str | None:
    refusal = rules.refusal(host, address)
    return None if refusal is None else refusal.kind.id


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"],
)
def test_loopback_and_global_addresses_are_allowed(address: str) -> None:
    assert kind(address) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "shared"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("168.63.129.16", "cloud-platform"),
        ("fd00:ec2::254", "unique-local"),
        ("0.0.0.0", "unspecified"),  # noqa: S104
        ("::", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("192.0.2.1", "documentation"),
        ("2001:db8::1", "documentation"),
        ("198.18.0.1", "benchmarking"),
        ("192.0.0.192", "reserved"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("fec0::1", "site-local"),
        ("64:ff9b:1::a00:1", "local-translation"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "reserved"),
        ("4000::1", "reserved"),
        ("::ffff:0:10.0.0.1", "reserved"),
        ("::10.0.0.1", "reserved"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::127.0.0.1", "reserved"),
        ("2002:a00:1::1", "private"),
        ("2002:7f00:1::1", "reserved"),
        ("2606:4700::5efe:10.0.0.1", "private"),
    ],
)
def test_every_other_kind_is_refused(address: str, expected: str) -> None:
    assert kind(address) == expected


def spellings(address: IPv4Address) -> list[str]:
    """How an IPv4 address can be written in a URL's host so that a resolver reads it."""
    number = int(address)
    first, second, third, fourth = address.packed
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"0x{first:x}.{number & 0xFFFFFF}",
        f"{first}.{second}.{number & 0xFFFF}",
        f"0{first:o}.0x{second:x}.{third}.0{fourth:o}",
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    ]


refused_ipv4 = st.sampled_from([network for row in KINDS for network in row.networks if network.version == 4]).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(IPv4Address)
)
refused_ipv6 = st.sampled_from([network for row in KINDS for network in row.networks if network.version == 6]).flatmap(
    lambda network: st.integers(int(network.network_address), int(network.broadcast_address)).map(IPv6Address)
)


@given(address=refused_ipv4, number=st.integers(0, 9))
def test_no_spelling_of_a_refused_ipv4_address_is_allowed(address: IPv4Address, number: int) -> None:
    written = spellings(address)[number]
    found = system_resolver(written, 443)
    assert found
    assert all(kind(one, host=written) for one in found)


@given(address=refused_ipv6)
def test_no_refused_ipv6_address_is_allowed(address: IPv6Address) -> None:
    assert kind(str(address)) == kind(address.exploded)
    assert kind(str(address)) or address.is_loopback


@given(st.ip_addresses(v=6))
def test_what_is_allowed_of_ipv6_is_global_as_the_standard_library_sees_it(address: IPv6Address) -> None:
    if kind(str(address)) is None:
        assert address.is_global or address.is_loopback or address.ipv4_mapped or address.sixtofour


@given(st.ip_addresses(v=4))
def test_what_is_allowed_of_ipv4_is_global_as_the_standard_library_sees_it(address: IPv4Address) -> None:
    if kind(str(address)) is None:
        assert (address.is_global and not address.is_multicast) or address.is_loopback


@given(address=refused_ipv4, prefix=st.integers(8, 32))
def test_a_network_allows_what_it_holds_and_nothing_else(address: IPv4Address, prefix: int) -> None:
    network = ip_network(f"{address}/{prefix}", strict=False)
    rules = AddressRules.parse([str(network)])
    for written in (str(address), f"::ffff:{address}", f"64:ff9b::{address}"):
        assert kind(written, rules) is None
    outside = ip_address((int(network.broadcast_address) + 1) % 2**32)
    assert kind(str(outside), rules) == kind(str(outside))


@given(refused_ipv4)
def test_the_network_a_refusal_names_allows_it(address: IPv4Address) -> None:
    refusal = DEFAULT.refusal("x", f"::ffff:{address}")
    assert refusal is not None
    assert kind(str(address), AddressRules.parse([refusal.network])) is None


def test_a_host_allows_its_private_addresses_in_any_spelling_of_its_name() -> None:
    rules = AddressRules.parse(["Pkgs.Corp.Example."])
    for host in ("pkgs.corp.example", "PKGS.corp.example", "pkgs.corp.example."):
        assert kind("10.0.0.1", rules, host) is None
        assert kind("fd00::1", rules, host) is None
        assert kind("100.64.0.1", rules, host) is None
    assert kind("10.0.0.1", rules, "other.corp.example") == "private"
    assert kind("10.0.0.1", rules, "sub.pkgs.corp.example") == "private"


@pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "0.0.0.7", "224.0.0.1", "fe80::1"])
def test_a_host_is_not_enough_where_no_name_has_business(address: str) -> None:
    rules = AddressRules.parse(["pkgs.corp.example"])
    assert kind(address, rules, "pkgs.corp.example")
    assert kind(address, AddressRules.parse([f"{address}/{ip_address(address).max_prefixlen}"])) is None


def test_no_rule_is_the_default() -> None:
    assert AddressRules.parse([]) == AddressRules.default()


def test_rules_are_read_in_every_form() -> None:
    rules = AddressRules.parse([" 10.0.0.0/8 ", "fd00::/8", "192.168.1.7", "fd12::1", "localhost", "x_y.corp"])
    assert [str(network) for network in rules.networks] == ["10.0.0.0/8", "fd00::/8", "192.168.1.7/32", "fd12::1/128"]
    assert rules.hosts == {"localhost", "x_y.corp"}


@pytest.mark.parametrize(
    ("text", "in_hint"),
    [
        ("10.1.2.3/8", "`10.0.0.0/8`"),
        ("10.0.0.0/33", "host name"),
        ("10.0.0", "host name"),
        ("300.1.1.1", "host name"),
        ("pkgs.corp.example:8443", "host name"),
        ("pkgs.corp.example/simple", "host name"),
        ("https://pkgs.corp.example/simple", "host name"),
        ("*.corp.example", "wildcard"),
        ("", "host name"),
        ("two words", "host name"),
        ("bücher.example", "host name"),
        ("-x.example", "host name"),
        ("x" * 300, "host name"),
    ],
)
def test_bad_text_is_refused_in_words(text: str, in_hint: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        AddressRules.parse(["10.0.0.0/8", text])
    assert in_hint in caught.value.hint
    assert caught.value.because
    assert caught.value.unchanged == "no rule was taken"
    assert len(caught.value.what) < 200


def test_a_pasted_url_does_not_show_its_password() -> None:
    with pytest.raises(InvalidParameter) as caught:
        AddressRules.parse(["https://build:s3cret-token@pkgs.corp.example/simple"])
    assert "s3cret-token" not in str(vars(caught.value))
    assert "https://build:****@pkgs.corp.example" in caught.value.what


def test_every_kind_has_words_and_a_source() -> None:
    for row in KINDS:
        assert row.words.startswith(("a ", "an "))
        assert row.source
        assert row.networks


def test_the_systems_resolver_reads_numbers_itself() -> None:
    assert system_resolver("2130706433", 80) == ["127.0.0.1"]
    assert system_resolver("0x7f.1", 80) == ["127.0.0.1"]
    assert set(system_resolver("localhost", 80)) <= {"127.0.0.1", "::1"}
