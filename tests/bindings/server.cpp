// A server in C++20: serves one request that it sends itself, prints what it was.
#include <iostream>
#include <string>
#include <string_view>

#include "mongoose.h"

static std::string_view view(const mg_str &s) { return {s.buf, s.len}; }

struct Manager : mg_mgr {
  Manager() { mg_mgr_init(this); }
  ~Manager() { mg_mgr_free(this); }
  Manager(const Manager &) = delete;
  Manager &operator=(const Manager &) = delete;
};

int main() {
  mg_log_set(MG_LL_NONE);
  Manager manager;
  std::string reply;
  mg_connection *listener = mg_http_listen(
      &manager, "http://127.0.0.1:0",
      [](mg_connection *c, int ev, void *data) {
        if (ev != MG_EV_HTTP_MSG) return;
        auto *hm = static_cast<mg_http_message *>(data);
        std::cout << view(hm->method) << ' ' << view(hm->uri) << ' ' << view(hm->query) << ' ' << view(hm->body);
        for (const auto &header : hm->headers)
          if (header.name.len > 0) std::cout << ' ' << view(header.name);
        std::cout << '\n';
        mg_http_reply(c, 200, "", "%s\n", "from C++");
      },
      nullptr);
  std::string url = "http://127.0.0.1:" + std::to_string(mg_ntohs(listener->loc.port));
  mg_connection *client = mg_http_connect(
      &manager, url.c_str(),
      [](mg_connection *c, int ev, void *data) {
        if (ev != MG_EV_HTTP_MSG) return;
        *static_cast<std::string *>(c->fn_data) = view(static_cast<mg_http_message *>(data)->body);
      },
      &reply);
  mg_printf(client, "POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
  for (int i = 0; i < 2000 && reply.empty(); i++) mg_mgr_poll(&manager, 10);
  std::cout << reply;
}
