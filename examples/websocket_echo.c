/* SPDX-License-Identifier: MIT
 * WebSocket (RFC 6455) over a connection that Pester hands over: asks a server to switch, sends each
 * message in a frame of its own, prints what comes back, and says goodbye after the last. Pester makes
 * the connection, TLS included, and retries until there is one; the frames are this program's. */
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10, FRAME_MAX = 65535 };

struct chat {
  pester_client_t* client;
  pester_stream_t* stream;
  char key[25];    /* base64 of 16 random bytes */
  char accept[29]; /* what the server must make of it */
  char** messages;
  int left; /* to come back */
  unsigned char in[FRAME_MAX + 4];
  size_t got;
  int exit_code;
};

/* ---- the handshake's arithmetic: SHA-1 of less than 120 bytes, and base64 */

static uint32_t turn(uint32_t word, int bits) {
  return word << bits | word >> (32 - bits);
}

static void sha1(const char* text, unsigned char digest[20]) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  unsigned char block[128] = {0};
  size_t len = strlen(text), blocks = (len + 9 + 63) / 64;
  memcpy(block, text, len);
  block[len] = 0x80;
  block[blocks * 64 - 2] = (unsigned char)(len * 8 >> 8);
  block[blocks * 64 - 1] = (unsigned char)(len * 8);
  for (size_t b = 0; b < blocks; ++b) {
    uint32_t w[80], a = h[0], x = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 80; ++i) {
      const unsigned char* p = block + b * 64 + i * 4;
      w[i] = i < 16 ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
                    : turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
      uint32_t f = i < 20   ? ((x & c) | (~x & d)) + 0x5a827999
                   : i < 40 ? (x ^ c ^ d) + 0x6ed9eba1
                   : i < 60 ? ((x & c) | (x & d) | (c & d)) + 0x8f1bbcdc
                            : (x ^ c ^ d) + 0xca62c1d6;
      uint32_t next = turn(a, 5) + f + e + w[i];
      e = d, d = c, c = turn(x, 30), x = a, a = next;
    }
    h[0] += a, h[1] += x, h[2] += c, h[3] += d, h[4] += e;
  }
  for (int i = 0; i < 20; ++i) digest[i] = (unsigned char)(h[i / 4] >> (24 - i % 4 * 8));
}

static void base64(const unsigned char* bytes, size_t len, char* out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < len; i += 3) {
    unsigned three = (unsigned)bytes[i] << 16;
    if (i + 1 < len) three |= (unsigned)bytes[i + 1] << 8;
    if (i + 2 < len) three |= bytes[i + 2];
    *out++ = letters[three >> 18];
    *out++ = letters[three >> 12 & 63];
    *out++ = i + 1 < len ? letters[three >> 6 & 63] : '=';
    *out++ = i + 2 < len ? letters[three & 63] : '=';
  }
  *out = '\0';
}

static void make_key(struct chat* chat) {
  unsigned char nonce[16], digest[20];
  char text[64];
  if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce) abort();
  base64(nonce, sizeof nonce, chat->key);
  snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", chat->key);
  sha1(text, digest);
  base64(digest, sizeof digest, chat->accept);
}

/* ---- frames */

static void on_closed(pester_stream_t* stream, int error, void* data) {
  (void)stream, (void)error;
  pester_client_close(((struct chat*)data)->client, NULL, NULL);
}

static void fail(struct chat* chat, const char* why) {
  fprintf(stderr, "%s\n", why);
  chat->exit_code = 1;
  pester_stream_close(chat->stream, on_closed, chat);
}

/* A client masks what it sends (RFC 6455 section 5.3). */
static void send_frame(struct chat* chat, int kind, const unsigned char* bytes, size_t len) {
  static unsigned char frame[FRAME_MAX + 8];
  size_t head = len < 126 ? 2 : 4;
  unsigned char* mask = frame + head;
  frame[0] = (unsigned char)(0x80 | kind);
  frame[1] = (unsigned char)(0x80 | (len < 126 ? len : 126));
  if (head == 4) frame[2] = (unsigned char)(len >> 8), frame[3] = (unsigned char)len;
  if (getrandom(mask, 4, 0) != 4) abort();
  for (size_t i = 0; i < len; ++i) mask[4 + i] = bytes[i] ^ mask[i % 4];
  int rc = pester_stream_write(chat->stream, frame, head + 4 + len, NULL, NULL);
  if (rc != 0) fail(chat, pester_strerror(rc)); /* PESTER_EQUEUE: it reads too slowly */
}

static void on_frame(struct chat* chat, int kind, const unsigned char* bytes, size_t len) {
  switch (kind) {
    case TEXT:
      printf("%.*s\n", (int)len, (const char*)bytes);
      if (--chat->left == 0) send_frame(chat, CLOSE, (const unsigned char*)"\x03\xe8", 2);
      return;
    case PING:
      send_frame(chat, PONG, bytes, len);
      return;
    case CLOSE:
      if (chat->left != 0) chat->exit_code = 1;
      pester_stream_close(chat->stream, on_closed, chat);
      return;
    default:
      fail(chat, "a frame that this program does not know");
  }
}

/* Frames come in any pieces. */
static void on_read(pester_stream_t* stream, const char* bytes, size_t len, int error, void* data) {
  struct chat* chat = data;
  (void)stream;
  if (error != 0) {
    fail(chat, error == UV_EOF ? "the server ended without a goodbye" : pester_strerror(error));
    return;
  }
  for (size_t i = 0; i < len; ++i) {
    chat->in[chat->got++] = (unsigned char)bytes[i];
    if (chat->got < 2) continue;
    size_t size = chat->in[1], head = size == 126 ? 4 : 2;
    if (size > 126) { /* masked, or longer than this program takes */
      fail(chat, "a frame that this program does not take");
      return;
    }
    if (chat->got < head) continue;
    if (head == 4) size = (size_t)chat->in[2] << 8 | chat->in[3];
    if (chat->got < head + size) continue;
    chat->got = 0;
    on_frame(chat, chat->in[0] & 15, chat->in + head, size);
    if (pester_stream_fd(chat->stream) < 0) return; /* closed meanwhile */
  }
}

static void on_upgrade(const pester_result_t* result, pester_stream_t* stream, void* data) {
  struct chat* chat = data;
  const char* accept = pester_result_header(result, "Sec-WebSocket-Accept");
  chat->stream = stream;
  if (accept == NULL || strcmp(accept, chat->accept) != 0) {
    fail(chat, "the server has not understood the handshake");
    return;
  }
  for (int i = 0; i < chat->left; ++i) {
    send_frame(chat, TEXT, (const unsigned char*)chat->messages[i], strlen(chat->messages[i]));
  }
  pester_stream_read_start(stream, on_read, chat);
}

static void on_done(const pester_result_t* result, void* data) {
  struct chat* chat = data;
  if (chat->stream != NULL) return;
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s\n", pester_result_detail(result));
  } else {
    fprintf(stderr, "the server answered %d\n", pester_result_status(result));
  }
  chat->exit_code = 1;
  pester_client_close(chat->client, NULL, NULL);
}

int main(int argc, char** argv) {
  static struct chat chat;
  char why[256] = "";
  pester_tls_options_t tls;
  pester_client_options_t options;
  pester_request_t request;
  uv_loop_t* loop = uv_default_loop();
  pester_tls_options_init(&tls);
  if (argc > 3 && strcmp(argv[1], "--cacert") == 0) {
    tls.ca_file = argv[2];
    argc -= 2, argv += 2;
  }
  if (argc < 3) {
    fprintf(stderr, "usage: websocket_echo [--cacert FILE] URL MESSAGE...\n");
    return 2;
  }
  pester_client_options_init(&options);
  options.tls = &tls;
  if (pester_client_new(&chat.client, loop, &options) != 0) return 3;
  chat.messages = argv + 2;
  chat.left = argc - 2;
  make_key(&chat);
  pester_header_t headers[] = {{"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", chat.key}};
  pester_request_init(&request);
  request.url = argv[1];
  request.headers = headers;
  request.header_count = 2;
  request.upgrade = "websocket";
  request.on_upgrade = on_upgrade;
  request.on_done = on_done;
  request.data = &chat;
  request.error_text = why;
  request.error_text_size = sizeof why;
  int rc = pester_send(chat.client, &request, NULL);
  if (rc != 0) {
    fprintf(stderr, "%s\n", why);
    return 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : chat.exit_code;
}
