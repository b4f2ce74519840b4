//! The structs as Rust sees them, against the structs as C sees them.

use crate::compiler::{Compile, Language, scratch};
use crate::facts::Facts;
use crate::program;
use mongoose::abi::layout::{self, DEFAULT, Layout};
use mongoose::abi::*;
use std::collections::BTreeMap;
use std::mem::offset_of;
use std::ptr;

/// Lines as the program of [`program::c`] prints them: `tag size alignment`, `tag.field offset`.
macro_rules! layout {
    ($($tag:literal => $type:ident { $($($field:ident).+),* $(,)? }),* $(,)?) => {
        [$(
            format!("{} {} {}", $tag, size_of::<$type>(), align_of::<$type>()),
            $(format!("{}.{} {}", $tag, stringify!($($field).+).replace("r#", ""), offset_of!($type, $($field).+)),)*
        )*]
    };
}

/// Layouts that programs choose: rounded up and down, less and more than the default.
const LAYOUTS: [Layout; 4] = [
    DEFAULT,
    Layout { data: 64, headers: 7, user_name: 64 },
    Layout { data: 5, headers: 50, user_name: 19 },
    Layout { data: 1, headers: 1, user_name: 1 },
];

#[test]
fn rust_structs_are_the_c_structs() {
    let source = scratch("layout.c", &program::c(&Facts::load()));
    for layout in LAYOUTS {
        let chosen = [
            "-DCHOOSES_LAYOUT".to_string(),
            format!("-DMG_DATA_SIZE={}", layout.data),
            format!("-DMG_MAX_HTTP_HEADERS={}", layout.headers),
            format!("-DMG_DASH_MAX_USER_NAME={}", layout.user_name),
        ];
        let compile = Compile::new("gcc", Language::C("c11"), &source).strict(false);
        let printed = compile.args(chosen.iter().map(String::as_str)).run().unwrap();
        // The program's own; the test does not look for it.
        let mut in_c: Vec<&str> =
            printed.lines().filter(|line| !line.starts_with("mg_connection.data ")).collect();
        layout::set(layout);
        let mut in_rust = rust();
        layout::set(DEFAULT);
        in_c.sort();
        in_rust.sort();
        assert_eq!(in_c, in_rust, "{layout:?}");
    }
}

#[test]
fn rust_flags_are_the_c_bits() {
    let facts = Facts::load();
    let mut in_rust = BTreeMap::from(FLAGS);
    for [tag, field, _, word, first, count] in facts.of("bits") {
        if tag == "mg_connection" {
            // `rust` says that flags come after `tls`.
            assert_eq!(word, "248 + UP(MG_DATA_SIZE, 8)", "{field}");
            assert_eq!(count, "1", "{field}");
            assert_eq!(in_rust.remove(field), Some(1 << first.parse::<u32>().unwrap()), "{field}");
        } else {
            assert_eq!(tag, "mg_wifi_scan_bss_data");
            assert_eq!(word.parse(), Ok(offset_of!(WifiScanBss, flags)));
        }
    }
    assert_eq!(in_rust, BTreeMap::new(), "bits that C does not have");
}

const FLAGS: [(&str, u32); 19] = [
    ("is_listening", flag::LISTENING),
    ("is_client", flag::CLIENT),
    ("is_accepted", flag::ACCEPTED),
    ("is_resolving", flag::RESOLVING),
    ("is_arplooking", flag::ARPLOOKING),
    ("is_connecting", flag::CONNECTING),
    ("is_tls", flag::TLS),
    ("is_tls_hs", flag::TLS_HS),
    ("is_udp", flag::UDP),
    ("is_websocket", flag::WEBSOCKET),
    ("is_mqtt5", flag::MQTT5),
    ("is_hexdumping", flag::HEXDUMPING),
    ("is_draining", flag::DRAINING),
    ("is_closing", flag::CLOSING),
    ("is_full", flag::FULL),
    ("is_tls_throttled", flag::TLS_THROTTLED),
    ("is_resp", flag::RESP),
    ("is_readable", flag::READABLE),
    ("is_writable", flag::WRITABLE),
];

fn rust() -> Vec<String> {
    let (c, hm, user) = (ptr::null::<Connection>(), ptr::null::<HttpMessage>(), ptr::null::<DashUser>());
    assert_eq!(Connection::flags_at(c).addr(), Connection::tls_at(c).addr() + 8);
    let chosen = [
        format!("mg_connection {} {}", Connection::size(), align_of::<Connection>()),
        format!("mg_connection.tls {}", Connection::tls_at(c).addr()),
        format!("mg_http_message {} {}", HttpMessage::size(), align_of::<HttpMessage>()),
        format!("mg_http_message.headers {}", HttpMessage::headers_at(hm).addr()),
        format!("mg_http_message.body {}", HttpMessage::body_at(hm).addr()),
        format!("mg_http_message.head {}", HttpMessage::head_at(hm).addr()),
        format!("mg_http_message.message {}", HttpMessage::message_at(hm).addr()),
        format!("mg_dash_user {} {}", DashUser::size(), align_of::<DashUser>()),
        format!("mg_dash_user.name {}", DashUser::name_at(user).addr()),
        format!("mg_dash_user.token {}", DashUser::token_at(user).addr()),
        format!("mg_dash_user.level {}", DashUser::level_at(user).addr()),
        format!("mg_dash_user.expire {}", DashUser::expire_at(user).addr()),
        format!("mg_dash_user.dash {}", DashUser::dash_at(user).addr()),
    ];
    let fixed = layout! {
        "mg_str" => Str { buf, len },
        "mg_queue" => Queue { buf, size, tail, head },
        "mg_timer" => Timer { period_ms, expire, flags, r#fn, arg, next },
        "mg_fs" => FileSystem { st, ls, op, cl, rd, wr, sk, mv, rm, mkd },
        "mg_fd" => FileHandle { fd, fs },
        "mg_mem_file" => MemFile { path, data, size, mtime },
        "mg_iobuf" => IoBuf { buf, size, len, align },
        "mg_md5_ctx" => Md5Context { buf, bits, r#in },
        "mg_sha1_ctx" => Sha1Context { state, count, buffer },
        "mg_sha256_ctx" => Sha256Context { state, bits, len, buffer },
        "mg_sha384_ctx" => Sha384Context { state, buffer, bitlen, datalen },
        "mg_dns" => Dns { url, c },
        "mg_addr" => Addr { addr, addr.ip, addr.ip4, addr.ip6, port, scope_id, is_ip6 },
        "mg_pipe" => Pipe { fd, q },
        "mg_mgr" => Manager { conns, dns4, dns6, mdns, dnstimeout, use_dns6, nextid, userdata, tls_ctx, mqtt_id, active_dns_requests, active_mdns_requests, timers, epoll_fd, ifp, extraconnsize, pipe },
        "mg_connection" => Connection { next, mgr, loc, rem, fd, id, recv, send, prof, rtls, r#fn, fn_data, pfn, pfn_data },
        "mg_http_header" => HttpHeader { name, value },
        "mg_http_message" => HttpMessage { method, uri, query, proto },
        "mg_http_serve_opts" => HttpServeOpts { root_dir, ssi_pattern, extra_headers, mime_types, page404, fs },
        "mg_http_part" => HttpPart { name, filename, body },
        "mg_tls_opts" => TlsOpts { ca, cert, key, name, skip_verification },
        "aes_context" => AesContext { mode, rounds, rk, buf },
        "MG_UECC_HashContext" => UeccHashContext { init_hash, update_hash, finish_hash, block_size, result_size, tmp },
        "mg_ws_message" => WsMessage { data, flags },
        "mg_mqtt_prop" => MqttProp { id, iv, key, val },
        "mg_mqtt_opts" => MqttOpts { user, pass, client_id, topic, message, qos, version, keepalive, retransmit_id, retain, clean, props, num_props, will_props, num_will_props },
        "mg_mqtt_message" => MqttMessage { topic, data, dgram, id, cmd, qos, ack, props_start, props_size },
        "mg_dns_message" => DnsMessage { txnid, resolved, addr, name },
        "mg_dns_header" => DnsHeader { txnid, flags, num_questions, num_answers, num_authority_prs, num_other_prs },
        "mg_dns_rr" => DnsRecord { nlen, atype, aclass, alen },
        "mg_dnssd_record" => DnssdRecord { srvcproto, txt, port },
        "mg_mdns_req" => MdnsRequest { rr, r, reqname, respname, addr, is_listing, is_resp, is_unicast },
        "mg_mdns_resp" => MdnsResponse { rr, name, addr, sd },
        "mg_modbus_req" => ModbusRequest { func, error, addr, u, u.bits, u.regs, len },
        "mg_jwt_opts" => JwtOpts { claims, header, kid, secret, private_key, public_key },
        "mg_rpc_req" => RpcRequest { head, rpc, pfn, pfn_data, req_data, frame },
        "mg_rpc" => Rpc { next, method, r#fn, fn_data },
        "mg_field" => Field { name, r#type, value, value_size },
        "mg_dash_user" => DashUser { next },
        "mg_field_set" => FieldSet { name, fields, r#fn, index, get_dir, next },
        "mg_dash_custom_handler" => DashHandler { next, uri_pattern, handler, handler_data },
        "mg_dash" => Dash { sets, custom_handlers, authenticate, session_auto_expiration_seconds, guest, upload_fs },
        "mg_wifi_data" => WifiData { ssid, pass, apssid, appass, apip, apmask, security, apsecurity, apchannel, apmode },
        "mg_wifi_scan_bss_data" => WifiScanBss { SSID, BSSID, RSSI, security, channel },
        "mg_tcpip_driver_atcmd_data" => AtcmdDriver { usart, reset, tx, rx, script, script_index, deadline, no_byte_stuff, link, unstuffing },
        "mg_phy" => Phy { read_reg, write_reg },
    };
    let resizable = ["mg_connection ", "mg_http_message ", "mg_dash_user "];
    let fixed = fixed.into_iter().filter(|line| !resizable.iter().any(|tag| line.starts_with(tag)));
    fixed.chain(chosen).collect()
}
