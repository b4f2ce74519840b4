// Digests, HMAC and CRC-32: published vectors, any split, overlapping output.
#include "check.h"
#include "mongoose.h"

static const char *hex(const unsigned char *bytes, size_t len) {
  static char text[4][130];
  static int turn;
  char *to = text[turn++ % 4];
  for (size_t i = 0; i < len; i++) snprintf(to + 2 * i, 3, "%02x", bytes[i]);
  return to;
}

static const char *md5(const char *data, size_t len, size_t step) {
  mg_md5_ctx ctx;
  unsigned char digest[16];
  mg_md5_init(&ctx);
  for (size_t i = 0; i < len; i += step) {
    mg_md5_update(&ctx, (const unsigned char *) data + i, step < len - i ? step : len - i);
  }
  mg_md5_final(&ctx, digest);
  return hex(digest, sizeof(digest));
}

static const char *sha1(const char *data, size_t len, size_t step) {
  mg_sha1_ctx ctx;
  unsigned char digest[20];
  mg_sha1_init(&ctx);
  for (size_t i = 0; i < len; i += step) {
    mg_sha1_update(&ctx, (const unsigned char *) data + i, step < len - i ? step : len - i);
  }
  mg_sha1_final(digest, &ctx);
  return hex(digest, sizeof(digest));
}

static const char *sha256(const char *data, size_t len, size_t step) {
  mg_sha256_ctx ctx;
  unsigned char digest[32];
  mg_sha256_init(&ctx);
  for (size_t i = 0; i < len; i += step) {
    mg_sha256_update(&ctx, (const unsigned char *) data + i, step < len - i ? step : len - i);
  }
  mg_sha256_final(digest, &ctx);
  return hex(digest, sizeof(digest));
}

static const char *sha384(const char *data, size_t len, size_t step) {
  mg_sha384_ctx ctx;
  unsigned char digest[48];
  mg_sha384_init(&ctx);
  for (size_t i = 0; i < len; i += step) {
    mg_sha384_update(&ctx, (const unsigned char *) data + i, step < len - i ? step : len - i);
  }
  mg_sha384_final(digest, &ctx);
  return hex(digest, sizeof(digest));
}

#define A "#&*%$DHFH(0x12345)^&*(^!@$%^^&&*"
#define B "1298**&^%DHKSHFLS)(*)&^^%$#!!!!"
#define C ")_)+_)!&^*%$#>>>{}}}{{{][[[[]]]"
// NIST's message of 448 bits, which needs a second block for its padding, and that of 896 bits.
#define N448 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
#define N896                                                \
  "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn" \
  "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"

static void test_vectors(void) {
  static const struct {
    const char *text, *md5, *sha1, *sha256, *sha384;  // NULL: not tabled
  } rows[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f148"
       "98b95b"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134"
       "c825a7"},
      {A, "e5451496e11d7da9629fe064cb3d2b54", "02af2700f7bab5f5f369d880010d6a2831631f92", NULL, NULL},
      {B, "9933f64d7ab50b0ff435dc611def20ff", "aae439e8b47247e51a6d82255e9f32d9930a5ffb", NULL, NULL},
      {C, "f794c3a4566dc11095fc5687f8b169f2", "a0ddd2a152dfa9b87e73326a3128e96d3a908258",
       "1b653eda9a2a2455a3563808f4f7c5a6c52d2cb171e5904c839c779251a2844a",
       "45a1c64d992942874946733c3bc8bc9c4310752389220441cda334eb979f2abf179438726bd88eccb550c65b35"
       "1f9190"},
      {A B, NULL, NULL, "bc073221178e81bd2f67133acab407ad5b618b33d2959e944545dc24990aff92",
       "77e70a31e5cd68a4c5b3705538d090b0cdb6f41c2ee6f4ddf6b4fc9701793c89823b13a248a7fed2d0c4bfed85"
       "b620c7"},
      {"The quick brown fox jumps over the lazy dog", "9e107d9d372bb6826bd81d3542a419d6",
       "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", NULL, NULL},
      // RFC 1321, appendix A.5
      {"a", "0cc175b9c0f1b6a831c399e269772661", NULL, NULL, NULL},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0", NULL, NULL, NULL},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b", NULL, NULL, NULL},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f", NULL, NULL, NULL},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a", NULL, NULL, NULL},
      // FIPS 180-4, examples
      {N448, NULL, "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", NULL},
      {N896, NULL, NULL, NULL,
       "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91"
       "746039"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    size_t len = strlen(rows[i].text);
    for (size_t step = 1; step <= len + 1; step++) {
      if (rows[i].md5) CHECK_ROW(strcmp(md5(rows[i].text, len, step), rows[i].md5) == 0, rows[i].text);
      if (rows[i].sha1) CHECK_ROW(strcmp(sha1(rows[i].text, len, step), rows[i].sha1) == 0, rows[i].text);
      if (rows[i].sha256) CHECK_ROW(strcmp(sha256(rows[i].text, len, step), rows[i].sha256) == 0, rows[i].text);
      if (rows[i].sha384) CHECK_ROW(strcmp(sha384(rows[i].text, len, step), rows[i].sha384) == 0, rows[i].text);
    }
    unsigned char digest[48];
    if (rows[i].sha256) {
      mg_sha256(digest, (uint8_t *) (size_t) rows[i].text, len);
      CHECK_ROW(strcmp(hex(digest, 32), rows[i].sha256) == 0, rows[i].text);
    }
    if (rows[i].sha384) {
      mg_sha384(digest, (uint8_t *) (size_t) rows[i].text, len);
      CHECK_ROW(strcmp(hex(digest, 48), rows[i].sha384) == 0, rows[i].text);
    }
  }
}

static void test_million(void) {
  // FIPS 180-4: one million times the letter a, in steps that are no divisor of a block.
  static char text[1000000];
  memset(text, 'a', sizeof(text));
  CHECK(strcmp(sha1(text, sizeof(text), 997), "34aa973cd4c4daa4f61eeb2bdbad27316534016f") == 0);
  CHECK(strcmp(sha256(text, sizeof(text), 997),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0);
  CHECK(strcmp(sha384(text, sizeof(text), 997),
               "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f"
               "3d8985") == 0);
}

static void test_contexts(void) {
  // A copy is a fork, an update by nothing is none, and final leaves no trace of the message.
  mg_sha256_ctx a, b;
  mg_md5_ctx m;
  mg_sha1_ctx s;
  mg_sha384_ctx l;
  unsigned char digest[48], zero[sizeof(mg_sha384_ctx)] = {0};
  mg_sha256_init(&a);
  mg_sha256_update(&a, (const unsigned char *) "ab", 2);
  b = a;
  mg_sha256_update(&a, (const unsigned char *) "X", 1);
  mg_sha256_update(&b, NULL, 0);
  mg_sha256_update(&b, (const unsigned char *) "c", 1);
  CHECK(b.len == 3 && b.bits == 0 && memcmp(b.buffer, "abc", 3) == 0);
  mg_sha256_final(digest, &b);
  CHECK(strncmp(hex(digest, 32), "ba7816bf", 8) == 0);
  mg_sha256_final(digest, &a);
  CHECK(strncmp(hex(digest, 32), "ba7816bf", 8) != 0);
  CHECK(memcmp(b.buffer, zero, sizeof(b.buffer)) == 0 && b.state[0] == 0);

  mg_md5_init(&m);
  mg_md5_update(&m, (const unsigned char *) "abc", 3);
  CHECK(m.bits[0] == 0x18 && m.bits[1] == 0 && memcmp(m.in, "abc", 3) == 0);
  mg_md5_final(&m, digest);
  CHECK(memcmp(&m, zero, sizeof(m)) == 0);

  mg_sha1_init(&s);
  mg_sha1_update(&s, (const unsigned char *) "abc", 3);
  CHECK(s.count[0] == 0x18 && s.count[1] == 0 && memcmp(s.buffer, "abc", 3) == 0);
  mg_sha1_final(digest, &s);
  CHECK(memcmp(&s, zero, sizeof(s)) == 0);

  mg_sha384_init(&l);
  mg_sha384_update(&l, (const unsigned char *) "abc", 3);
  CHECK(l.datalen == 3 && l.bitlen[0] == 0 && l.bitlen[1] == 0);
  mg_sha384_final(digest, &l);
  CHECK(memcmp(l.buffer, zero, sizeof(l.buffer)) == 0 && l.state[0] == 0);

  // Counters that carry: 2^32 - 8 bits so far.
  mg_md5_init(&m);
  m.bits[0] = 0xfffffff8;
  mg_md5_update(&m, (const unsigned char *) "a", 1);
  CHECK(m.bits[0] == 0 && m.bits[1] == 1);
}

static void test_overlap(void) {
  unsigned char buf[64] = "abc";
  mg_sha256(buf, buf, 3);
  CHECK(strncmp(hex(buf, 32), "ba7816bf", 8) == 0);
  memcpy(buf, "abc", 3);
  mg_sha384(buf, buf, 3);
  CHECK(strncmp(hex(buf, 48), "cb00753f", 8) == 0);
  char data[64] = "Hi There";
  unsigned char key[20];
  memset(key, 0x0b, sizeof(key));
  mg_hmac_sha256((uint8_t *) data, key, sizeof(key), (uint8_t *) data, 8);
  CHECK(strncmp(hex((unsigned char *) data, 32), "b0344c61", 8) == 0);
}

static void test_hmac(void) {
  static const struct {
    int fill;  // the key: this byte `keylen` times, or -1: `key`
    const char *key;
    size_t keylen;
    const char *data, *mac;
  } rows[] = {
      {0x0b, NULL, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {-1, "Jefe", 4, "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {0xaa, NULL, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {0xaa, NULL, 131,
       "This is a test using a larger than block-size key and a larger than block-size data. The key "
       "needs to be hashed before being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
      {-1, "key", 3, "The quick brown fox jumps over the lazy dog",
       "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"},
      {-1, "key", 3, "", "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"},
      {-1, NULL, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
      {0xaa, NULL, 63, "x", "4f17645dd45ee57c684ba39da29e8e1cbb2ff4e027c4585a2e1dccee69d157d0"},
      {0xaa, NULL, 64, "x", "ce3c639dcb9d8baae5d44c3b8b5e233faab4d1860e07489af5c84f213998bd79"},
      {0xaa, NULL, 65, "x", "c2b9a0a013df029c7d812c5ac18388feef0194ee64fcc5f321d149c06137caa3"},
  };
  for (size_t i = 0; i < COUNT(rows); i++) {
    unsigned char filled[131], mac[32];
    const void *key = rows[i].key, *data = rows[i].data;
    if (rows[i].fill >= 0) key = memset(filled, rows[i].fill, rows[i].keylen);
    mg_hmac_sha256(mac, (uint8_t *) (size_t) key, rows[i].keylen, (uint8_t *) (size_t) data,
                   strlen(rows[i].data));
    CHECK_ROW(strcmp(hex(mac, 32), rows[i].mac) == 0, rows[i].mac);
  }
}

static void test_crc32(void) {
  CHECK(mg_crc32(0, NULL, 0) == 0);
  CHECK(mg_crc32(0, 0, 0) == 0);
  CHECK(mg_crc32(5, NULL, 0) == 5);
  CHECK(mg_crc32(0, (const char *) 1, 0) == 0);
  CHECK(mg_crc32(0, "a", 1) == 3904355907U);
  CHECK(mg_crc32(0, "aaa", 3) == 4027020077U);
  CHECK(mg_crc32(0, "abc", 3) == 891568578U);
  CHECK(mg_crc32(mg_crc32(0, "ab", 2), "c", 1) == 891568578U);
  CHECK(mg_crc32(0, "123456789", 9) == 0xcbf43926U);
  CHECK(mg_crc32(0, "\0\0\0\0", 4) == 0x2144df1cU);
  CHECK(mg_crc32(0, "\xff\xff\xff\xff", 4) == 0xffffffffU);
  CHECK(mg_crc32(0, "message digest", 14) == 538287487U);
}

int main(void) {
  test_vectors();
  test_million();
  test_contexts();
  test_overlap();
  test_hmac();
  test_crc32();
  return FAILURES;
}
