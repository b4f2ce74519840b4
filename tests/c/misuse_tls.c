// The misuse matrix, third part: TLS after its handshake, on both sides. See misuse.h.
#include "misuse.h"

#include "tls.h"

static struct mg_tls_opts of_server;

// The subject is the server; the client is the other connection. Nothing strikes meanwhile.
static void shake_hands(void) {
  struct mg_tls_opts of_client;
  unsigned saved = armed;
  int i;
  armed = 0;
  memset(&of_client, 0, sizeof(of_client));
  of_client.skip_verification = 1;
  other->is_client = 1;
  mg_tls_init(subject, &of_server);
  mg_tls_init(other, &of_client);
  for (i = 0; i < 100 && (subject->is_tls_hs || other->is_tls_hs); i++) mg_mgr_poll(mgr, 0);
  CHECK_ROW(!subject->is_tls_hs && !other->is_tls_hs, row->name);
  armed = saved;
}

// What the client has sent is there.
static void receive(const char *text) {
  unsigned saved = armed;
  armed = 0;
  if (other != NULL) mg_send(other, text, strlen(text));
  armed = saved;
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
}

static void send_and_poll(void) {
  static char text[30000];
  mg_send(subject, text, sizeof(text));
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
  if (mgr != NULL) mg_mgr_poll(mgr, 0);
}

#define ROWS "misuse_tls.inc"
#include "misuse_rows.h"

int main(int argc, char **argv) {
  make_certs();
  of_server = identity("server");
  make_secure = shake_hands;
  play_all(rows, COUNT(rows), argc, argv);
  return FAILURES;
}
