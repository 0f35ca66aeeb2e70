/* SPDX-License-Identifier: MIT
 * TLS as one wants it: a CA of one's own, a request with a client certificate beside one without,
 * sessions that outlive the process, and a key log for Wireshark when the environment asks for one.
 *
 *   cc tls.c -o tls $(pkg-config --cflags --libs pester)
 *   ./tls https://localhost:8443/ ca.pem sessions [client.pem client.key] */
#include <fcntl.h>
#include <pester.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int failures;

static void on_done(const pester_result_t* result, void* data) {
  pester_exchange_t exchange;
  const size_t count = pester_result_exchange_count(result);
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s: %s\n", (const char*)data, pester_result_detail(result));
    ++failures;
  } else if (pester_result_exchange(result, count - 1, &exchange) == 0) {
    printf("%s: %d, %s, %s\n", (const char*)data, pester_result_status(result), exchange.tls_version,
           exchange.tls_resumed ? "resumed" : "new");
  }
}

static void on_secret(const char* line, void* data) {
  fprintf(data, "%s\n", line);
}

/* Both files hold secrets: for their owner's eyes alone. */
static FILE* open_secret(const char* path, int flags, const char* mode) {
  const int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
  return fd < 0 ? NULL : fdopen(fd, mode);
}

/* Before the loop runs, since reading a file blocks. No file, or one that does not fit: a full
 * handshake. */
static void load_sessions(pester_client_t* client, const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == NULL) return;
  static char bytes[1 << 20];
  const size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  const int taken = pester_client_import_sessions(client, bytes, size);
  if (taken < 0) fprintf(stderr, "%s: %s\n", path, pester_strerror(taken));
}

/* And after it. */
static void save_sessions(pester_client_t* client, const char* path) {
  size_t size = 0;
  if (pester_client_export_sessions(client, NULL, &size) != UV_ENOBUFS) return;
  char* bytes = malloc(size);
  FILE* file = open_secret(path, O_TRUNC, "wb");
  if (bytes != NULL && file != NULL && pester_client_export_sessions(client, bytes, &size) == 0) {
    fwrite(bytes, 1, size, file);
  }
  if (file != NULL) fclose(file);
  free(bytes);
}

static int ask(pester_client_t* client, const char* url, const pester_tls_options_t* own, char* name) {
  pester_request_t request;
  pester_request_init(&request);
  request.url = url;
  request.tls = own; /* NULL: the client's */
  request.on_done = on_done;
  request.data = name;
  const int rc = pester_send(client, &request, NULL);
  if (rc != 0) fprintf(stderr, "%s: %s\n", url, pester_strerror(rc));
  return rc;
}

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) {
    fprintf(stderr, "usage: %s URL CA_FILE SESSIONS [CERT KEY]\n", argv[0]);
    return 2;
  }
  uv_loop_t* loop = uv_default_loop();
  pester_tls_options_t tls, own;
  pester_client_options_t options;
  pester_client_t* client;
  FILE* log = NULL;

  pester_tls_options_init(&tls);
  tls.ca_file = argv[2];
  const char* log_path = getenv("SSLKEYLOGFILE"); /* the program's choice: Pester never looks */
  if (log_path != NULL) log = open_secret(log_path, O_APPEND, "a");
  if (log != NULL) {
    tls.keylog_cb = on_secret;
    tls.keylog_data = log;
  }
  pester_client_options_init(&options);
  options.tls = &tls;
  int rc = pester_client_new(&client, loop, &options);
  if (rc != 0) return 2;
  load_sessions(client, argv[3]);

  rc = ask(client, argv[1], NULL, "plain");
  if (rc == 0 && argc == 6) {
    own = tls; /* nothing of the client's is added to a request's own options: begin with a copy */
    own.cert_file = argv[4];
    own.key_file = argv[5];
    rc = ask(client, argv[1], &own, "with a certificate");
  }
  uv_run(loop, UV_RUN_DEFAULT);
  save_sessions(client, argv[3]);
  pester_client_close(client, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  if (log != NULL) fclose(log);
  return uv_loop_close(loop) != 0 ? 3 : rc != 0 ? 2 : failures != 0;
}
