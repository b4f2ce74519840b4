-- A server by LuaJIT's FFI: serves one request that it sends itself, prints what it was.
local ffi = require("ffi")
ffi.cdef [[
struct mg_str { char *buf; size_t len; };
struct mg_http_header { struct mg_str name, value; };
struct mg_http_message {
  struct mg_str method, uri, query, proto;
  struct mg_http_header headers[30];
  struct mg_str body, head, message;
};
struct mg_addr { union { uint8_t ip[16]; uint32_t ip4; uint64_t ip6[2]; } addr; uint16_t port; uint8_t scope_id; bool is_ip6; };
struct mg_connection { struct mg_connection *next; void *mgr; struct mg_addr loc, rem; };
typedef void (*handler)(struct mg_connection *, int, void *);
extern int mg_log_level;
void mg_mgr_init(void *);
void mg_mgr_poll(void *, int);
void mg_mgr_free(void *);
struct mg_connection *mg_http_listen(void *, const char *, handler, void *);
struct mg_connection *mg_http_connect(void *, const char *, handler, void *);
void mg_http_reply(struct mg_connection *, int, const char *, const char *, ...);
size_t mg_printf(struct mg_connection *, const char *, ...);
uint16_t mg_ntohs(uint16_t);
]]
local lib = ffi.load(arg[1])
lib.mg_log_level = 0
local mgr = ffi.new("uint64_t[18]")
local reply
local function text(s) return s.len == 0 and "" or ffi.string(s.buf, s.len) end
local MSG = 11

local serve = ffi.cast("handler", function(c, ev, data)
  if ev ~= MSG then return end
  local hm = ffi.cast("struct mg_http_message *", data)
  local words = { text(hm.method), text(hm.uri), text(hm.query), text(hm.body) }
  for i = 0, 29 do
    if hm.headers[i].name.len > 0 then words[#words + 1] = text(hm.headers[i].name) end
  end
  print(table.concat(words, " "))
  lib.mg_http_reply(c, 200, "", "%s\n", "from Lua")
end)
local got = ffi.cast("handler", function(_, ev, data)
  if ev == MSG then reply = text(ffi.cast("struct mg_http_message *", data).body) end
end)

lib.mg_mgr_init(mgr)
local listener = lib.mg_http_listen(mgr, "http://127.0.0.1:0", serve, nil)
local port = lib.mg_ntohs(listener.loc.port)
local client = lib.mg_http_connect(mgr, "http://127.0.0.1:" .. port, got, nil)
lib.mg_printf(client, "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
for _ = 1, 2000 do
  lib.mg_mgr_poll(mgr, 10)
  if reply then break end
end
lib.mg_mgr_free(mgr)
io.write(reply)
