// The example of docs/tutorials/dashboard.md does what it says.
#define main example
#include "../../examples/dashboard/main.c"
#undef main
#include "../../examples/dashboard/firmware.c"
#define mgr the_mgr  // the example has one of its own
#include "dash.h"

#define VIEWS "Authorization: Basic dmlld2VyOnZpZXdlcg==\n"
#define OPERATES "Authorization: Basic b3BlcmF0b3I6b3BlcmF0b3I=\n"

const struct mg_mem_file mg_packed_files[] = {{NULL, NULL, 0, 0}};

#define STATE(lamp, brightness, setpoint, temperature, heating)                                  \
  "{\"name\":\"Greenhouse\",\"lamp\":" lamp ",\"brightness\":" brightness ",\"setpoint\":" setpoint \
  ",\"temperature\":" temperature ",\"heating\":" heating "}"

int main(void) {
  static struct watcher w;
  (void) example;
  dash.authenticate = authenticate;
  MG_DASH_ADD_FIELD_SET(&dash, &events_set);
  MG_DASH_ADD_FIELD_SET(&dash, &history_set);
  MG_DASH_ADD_FIELD_SET(&dash, &user_set);
  MG_DASH_ADD_FIELD_SET(&dash, &state_set);
  begin(mg_dash_ev_handler, &dash);
  EXPECT("GET /api/get/state", "", "", 403);
  EXPECT_BODY("GET /api/get/user", OPERATES, "", 200, "{\"name\":\"operator\",\"level\":5}\n");
  EXPECT_BODY("GET /api/get/state", VIEWS, "", 200, STATE("false", "60", "22.00", "20.00", "false") "\n");
  EXPECT_BODY("POST /api/set", VIEWS, "{\"state\":{\"lamp\":true}}", 200, "0\n");
  watch(&w, ADMIN);
  EXPECT_BODY("POST /api/set", OPERATES, "{\"state\":{\"lamp\":true,\"temperature\":9,\"brightness\":400}}", 200,
              "2\n");
  CHECK(hears(&w, STATE("true", "100", "22.00", "20.00", "false")));
  measure(NULL);
  CHECK(history_len == 1 && heating);
  EXPECT_BODY("GET /api/get/history/0", VIEWS, "", 200, "[{\"temperature\":20.10,\"setpoint\":22.00}]\n");
  log_event("%s", "one");
  log_event("%s", "two");
  CHECK(ask("GET /api/get/events/0/9", VIEWS, "") == 200);
  CHECK(mg_match(mg_str(reply_body), mg_str("[{\"time\":*,\"text\":\"two\"},{\"time\":*,\"text\":\"one\"}]\n"), NULL));
  EXPECT_BODY("GET /api/del/events/0", OPERATES, "", 403, "false\n");
  EXPECT("GET /api/del/events/0", ADMIN, "", 200);
  CHECK(events_len == 0);
  mg_mgr_free(&the_mgr);
  return FAILURES;
}
