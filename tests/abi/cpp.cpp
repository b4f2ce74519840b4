// What C++ programs do with the header: names without `struct`, lambdas as handlers, `mg_str` as a
// type and as a macro in one file.
#include "mongoose.h"

#include <string>

static mg_str view(const std::string &text) {
  return mg_str_n(text.data(), text.size());
}

int main() {
  mg_connection c = mg_connection();
  mg_event_handler_t fn = [](mg_connection *connection, int ev, void *) {
    connection->is_full = ev == MG_EV_OPEN;
  };
  fn(&c, MG_EV_OPEN, nullptr);
  const mg_event ev = MG_EV_USER;
  std::string text = "abc";
  mg_str a = mg_str("abc"), b = view(text);
  mg_val_type type = MG_VAL_STR;
  mg_md5_ctx md5 = mg_md5_ctx();
  return c.is_full && ev == 23 && a.len == b.len && type == 4 && md5.in[63] == 0 ? 0 : 1;
}
