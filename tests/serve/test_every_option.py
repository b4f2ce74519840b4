"""Each option of the server command has a test that sees its effect, and a row in the page with the names
that other servers have for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pymongoose.serve.options import BY_NAME, OPTIONS, Option

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "python" / "serve.md"

EFFECTS = {
    "host": "test_host_and_port",
    "port": "test_host_and_port",
    "bind": "test_several_sockets_and_an_inherited_one",
    "uds": "test_unix_socket_with_mode",
    "uds_mode": "test_unix_socket_with_mode",
    "uds_owner": "test_owner_of_a_unix_socket",
    "fd": "test_several_sockets_and_an_inherited_one",
    "url": "test_url",
    "backlog": "test_backlog",
    "interface": "test_interface",
    "factory": "test_factory_and_requests_until_a_worker_is_replaced",
    "app_dir": "test_loop_and_directory",
    "env_file": "test_proxies_headers_and_lines_of_the_log",
    "workers": "test_workers_and_their_processes",
    "threads": "test_threads_run_side_by_side",
    "loop": "test_loop_and_directory",
    "lifespan": "test_lifespan",
    "reload": "test_reload",
    "reload_dir": "test_reload",
    "pid": "test_loop_and_directory",
    "timeout_graceful_shutdown": "test_graceful_time_is_a_limit",
    "timeout_worker_healthcheck": "test_a_worker_that_hangs_is_replaced",
    "limit_max_requests": "test_factory_and_requests_until_a_worker_is_replaced",
    "limit_max_requests_jitter": "test_jitter_lets_a_worker_live_longer",
    "limit_concurrency": "test_limits",
    "timeout_keep_alive": "test_a_kept_connection_closes_in_the_end",
    "max_body": "test_limits",
    "set": "test_limits",
    "root_path": "test_root_path",
    "proxy_headers": "test_headers_of_proxies_are_off",
    "forwarded_allow_ips": "test_strangers_are_not_believed",
    "proxy_protocol": "test_the_client_is_the_one_that_is_named",
    "static": "test_types_tags_and_ranges",
    "header": "test_proxies_headers_and_lines_of_the_log",
    "server_header": "test_proxies_headers_and_lines_of_the_log",
    "date_header": "test_strangers_are_not_believed",
    "ssl_certfile": "test_certificates_are_read_again",
    "ssl_keyfile": "test_certificates_are_read_again",
    "ssl_ca_certs": "test_certificates_of_clients",
    "ssl_cert_reqs": "test_certificates_of_clients",
    "log_level": "test_log_level_and_configuration",
    "log_config": "test_log_level_and_configuration",
    "access_log": "test_access_log_on_standard_output",
    "access_logfile": "test_proxies_headers_and_lines_of_the_log",
    "access_log_format": "test_access_log_on_standard_output",
    "metrics": "test_requests_are_counted_over_all_workers",
}


def texts() -> dict[str, str]:
    """All tests of this folder, and what they say."""
    found = {}
    for path in HERE.glob("test_*.py"):
        if path != Path(__file__):
            text = path.read_text()
            for node in ast.parse(text).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    found[node.name] = text
    return found


def test_all_have_one() -> None:
    assert set(EFFECTS) == set(BY_NAME)
    there = texts()
    for name, test in EFFECTS.items():
        option = BY_NAME[name]
        spellings = [flag for flags in option.flags for flag in flags.split("/")]
        spellings += [f"--no-{spelling[2:]}" for spelling in spellings] + option.variables
        assert any(spelling in there[test] for spelling in spellings), (name, test)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_rows_of_the_page(option: Option) -> None:
    flags = ", ".join(f"`{flag}`" for text in option.flags for flag in text.split("/"))
    names = " | ".join(f"`{name}`" if name else "" for name in option.others)
    assert f"| {flags} | {option.help} | {names} |" in PAGE.read_text()
