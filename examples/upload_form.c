/* SPDX-License-Identifier: MIT
 * A form with a text and a file, as a browser sends it. The file is read while it is sent, off the loop,
 * and read again when an attempt fails: the request is marked as one that may be repeated. */
#include <pester.h>
#include <stdio.h>

static int exit_code;

static void on_done(const pester_result_t* result, void* data) {
  (void)data;
  if (pester_result_error(result) == 0) {
    printf("%d after %zu attempts\n", pester_result_status(result),
           pester_result_exchange_count(result));
  } else {
    fprintf(stderr, "%s\n", pester_result_detail(result));
    exit_code = 1;
  }
  pester_client_close(pester_result_client(result), NULL, NULL);
}

/* 0, or a code: then nothing was sent. */
static int send_form(pester_client_t* client, const char* url, const char* path) {
  pester_multipart_t* form;
  pester_body_source_t source;
  pester_request_t request;
  int rc = pester_multipart_new(&form, client);
  if (rc != 0) return rc;
  pester_header_t type = {"Content-Type", pester_multipart_content_type(form)};
  pester_body_source_init(&source);
  rc = pester_multipart_field(form, "comment", "as seen by \"pester\"");
  if (rc == 0) rc = pester_multipart_file(form, "upload", path, NULL, NULL);
  if (rc == 0) rc = pester_multipart_source(form, &source);
  if (rc != 0) {
    pester_multipart_free(form);
    return rc;
  }
  pester_request_init(&request);
  request.url = url;
  request.headers = &type; /* copied by pester_send */
  request.header_count = 1;
  request.source = &source;
  request.idempotent = 1;
  request.on_done = on_done;
  rc = pester_send(client, &request, NULL);
  if (rc != 0) source.done(source.data); /* the form is the source's now */
  return rc;
}

int main(int argc, char** argv) {
  pester_client_t* client;
  uv_loop_t* loop = uv_default_loop();
  if (argc != 3) {
    fprintf(stderr, "usage: %s URL FILE\n", argv[0]);
    return 2;
  }
  if (pester_client_new(&client, loop, NULL) != 0) return 3;
  int rc = send_form(client, argv[1], argv[2]);
  if (rc != 0) {
    fprintf(stderr, "%s\n", pester_strerror(rc));
    pester_client_close(client, NULL, NULL);
    exit_code = 2;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 ? 3 : exit_code;
}
