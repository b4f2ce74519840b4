// Runs the end-to-end target without libFuzzer: the corpus, then mutations of it, from a fixed seed.
#ifndef E2E_DRIVER_H
#define E2E_DRIVER_H

static uint64_t dice;

static size_t below(size_t n) {
  dice = dice * 6364136223846793005ull + 1442695040888963407ull;
  return n == 0 ? 0 : (size_t) (dice >> 33) % n;
}

// The contents of a file of the repository, `path` from its root.
static char *contents(const char *path) {
  char name[1000], *text;
  const char *end = strstr(__FILE__, "tests/c/");
  struct mg_str data;
  mg_snprintf(name, sizeof(name), "%.*s%s", (int) (end - __FILE__), __FILE__, path);
  data = mg_file_read(&mg_fs_posix, name);
  MUST(data.buf != NULL);
  text = strdup(data.buf);
  mg_free(data.buf);
  return text;
}

// A line of the corpus, with the escapes that tests/fuzz.rs tells of, to bytes.
static size_t unescape(const char *line, size_t len, uint8_t *out) {
  size_t i, n = 0;
  for (i = 0; i < len; i++) {
    char c = line[i];
    if (c == '\\' && i + 1 < len) {
      c = line[++i];
      c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
      if (c == 'x' && i + 2 < len) {
        unsigned value = 0;
        mg_str_to_num(mg_str_n(&line[i + 1], 2), 16, &value, sizeof(value));
        c = (char) value;
        i += 2;
      }
    }
    out[n++] = (uint8_t) c;
  }
  return n;
}

#define INPUT_MAX 4096

static const uint8_t *current_input;
static size_t current_len;

// Shows the input of a process that aborts, as a line of the corpus.
static void show_input(int signal_number) {
  size_t i;
  for (i = 0; i < current_len; i++) {
    uint8_t b = current_input[i];
    fprintf(stderr, b == '\\' ? "\\\\" : b >= ' ' && b <= '~' ? "%c" : "\\x%02x", b);
  }
  fprintf(stderr, "\n");
  (void) signal_number;
}

int main(int argc, char *argv[]) {
  // Some for each checker; the rest is libFuzzer's.
  size_t executions = argc > 1 ? (size_t) atol(argv[1]) : 300, count = 0, i;
  char *corpus = contents("fuzz/corpus/end_to_end.txt"), *p;
  char *cert_pem = contents("tests/tls/end_to_end.crt"), *key_pem = contents("tests/tls/end_to_end.key");
  static const char *lines[5000];
  static uint8_t input[INPUT_MAX + 64];
  dice = argc > 2 ? (uint64_t) atol(argv[2]) : 1;
  end_to_end_begin(cert_pem, key_pem);
  signal(SIGABRT, show_input);
  for (p = corpus; *p != '\0' && count < sizeof(lines) / sizeof(lines[0]); p += strcspn(p, "\n"), p += *p != '\0') {
    lines[count++] = p;
  }
  for (i = 0; i < count + executions; i++) {
    const char *line = lines[i < count ? i : below(count)];
    size_t len = strcspn(line, "\n"), changes = i < count ? 0 : 1 + below(6);
    len = unescape(line, len < INPUT_MAX ? len : INPUT_MAX, input);
    while (changes-- > 0 && len > 0) {
      size_t at = below(below(3) == 0 ? 20 : len);
      if (at >= len) continue;
      switch (below(4)) {
        case 0: input[at] = (uint8_t) below(256); break;
        case 1: input[at] ^= (uint8_t) (1u << below(8)); break;
        case 2: len = at + 1; break;
        default:
          memmove(&input[at + 1], &input[at], len - at);
          len += len < INPUT_MAX;
          break;
      }
    }
    current_input = input;
    current_len = len;
    end_to_end_input(input, len);
  }
  free(corpus);
  free(cert_pem);
  free(key_pem);
  return 0;
}

#endif
