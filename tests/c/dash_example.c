// The example of docs/reference/dashboard.md does what it says.
#define main example
#include "../../examples/dashboard/main.c"
#undef main
#define mgr the_mgr  // the example has one of its own
#include "dash.h"

#define GUEST "Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\n"

int main(void) {
  static struct watcher w;
  (void) example;
  mg_mem_files = packed;
  dash.authenticate = authenticate;
  MG_DASH_ADD_FIELD_SET(&dash, &events_set);
  MG_DASH_ADD_FIELD_SET(&dash, &device_set);
  begin(mg_dash_ev_handler, &dash);
  EXPECT_BODY("GET /", "", "", 200, page);
  EXPECT("GET /api/get", "", "", 403);
  EXPECT_BODY("GET /api/get", GUEST, "", 200,
              "{\"device\":{\"led\":false,\"temperature\":20.00,\"name\":\"Greenhouse\"},\"events\":0}\n");
  EXPECT_BODY("POST /api/set", GUEST, "{\"device\":{\"led\":true}}", 200, "0\n");
  watch(&w, ADMIN);
  EXPECT_BODY("POST /api/set", ADMIN, "{\"device\":{\"led\":true,\"temperature\":9,\"name\":\"Shed\"}}", 200, "2\n");
  CHECK(hears(&w, "{\"device\":{\"led\":true,\"temperature\":20.00,\"name\":\"Shed\"}}"));
  measure(&the_mgr);
  CHECK(hears(&w, "\"temperature\":20.10"));
  EXPECT_BODY("POST /api/add/events", GUEST, "{\"text\":\"one\"}", 200, "true\n");
  EXPECT_BODY("POST /api/add/events", GUEST, "{\"text\":\"two\"}", 200, "true\n");
  CHECK(hears(&w, "{\"events\":2}"));
  CHECK(ask("GET /api/get/events/1", GUEST, "") == 200);
  CHECK(mg_match(mg_str(reply_body), mg_str("[{\"time\":*,\"text\":\"two\"}]\n"), NULL));
  EXPECT_BODY("GET /api/del/events/0", GUEST, "", 403, "false\n");
  EXPECT_BODY("GET /api/del/events/0", ADMIN, "", 200, "1\n");
  CHECK(ask("GET /api/get/events/0/9", GUEST, "") == 200);
  CHECK(mg_match(mg_str(reply_body), mg_str("[{\"time\":*,\"text\":\"two\"}]\n"), NULL));
  mg_mgr_free(&the_mgr);
  return FAILURES;
}
