/* SPDX-License-Identifier: MIT
 * Cookies: a page that wants a login. The jar is read from a file before the loop runs and written to it
 * afterwards, so that the next run is logged in still. Prints the page, and what the jar has.
 *
 *   ./cookies https://example.com/login https://example.com/account cookies.txt */
#include <pester.h>
#include <stdio.h>

struct app {
  pester_client_t* client;
  const char* login_url;
  const char* page_url;
  int logged_in; /* asked for the login already */
  int exit_code;
};

static void ask(struct app* app, const char* url);

static void end(struct app* app, int exit_code) {
  app->exit_code = exit_code;
  pester_client_close(app->client, NULL, NULL);
}

static void on_done(const pester_result_t* result, void* data) {
  struct app* app = data;
  if (pester_result_error(result) != 0) {
    fprintf(stderr, "%s\n", pester_strerror(pester_result_error(result)));
    end(app, 1);
  } else if (pester_result_status(result) == 403 && !app->logged_in) {
    app->logged_in = 1;
    ask(app, app->login_url); /* its answer sets a cookie ... */
  } else if (app->logged_in == 1) {
    app->logged_in = 2;
    ask(app, app->page_url); /* ... which goes out with this */
  } else {
    printf("%d: %s\n", pester_result_status(result), pester_result_body(result).data);
    end(app, 0);
  }
}

static void ask(struct app* app, const char* url) {
  int rc = pester_client_get(app->client, url, on_done, app, NULL);
  if (rc == 0) return;
  fprintf(stderr, "%s: %s\n", url, pester_strerror(rc));
  end(app, 2);
}

static void print_jar(const pester_cookie_jar_t* jar) {
  pester_cookie_t cookie;
  pester_cookie_init(&cookie);
  while (pester_cookie_jar_next(jar, &cookie)) {
    printf("%s%s%s has %s=%s%s\n", cookie.host_only ? "" : "*.", cookie.domain, cookie.path, cookie.name,
           cookie.value, cookie.expires_s == 0 ? " for this session" : "");
  }
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  pester_cookie_jar_t* jar;
  pester_client_options_t options;
  struct app app = {0};
  char why[256] = "";
  int rc;
  if (argc != 4) {
    fprintf(stderr, "usage: %s URL URL FILE\n", argv[0]);
    return 2;
  }
  app.login_url = argv[1];
  app.page_url = argv[2];

  rc = pester_cookie_jar_new(&jar, NULL);
  if (rc != 0) return 2;
  rc = pester_cookie_jar_load(jar, argv[3], PESTER_COOKIES_ALL, why, sizeof why);
  if (rc < 0 && rc != UV_ENOENT) {
    fprintf(stderr, "%s\n", why);
    pester_cookie_jar_free(jar);
    return 2;
  }

  pester_client_options_init(&options);
  options.cookies = jar;
  rc = pester_client_new(&app.client, loop, &options);
  if (rc != 0) return 2;
  ask(&app, app.page_url);
  uv_run(loop, UV_RUN_DEFAULT);

  print_jar(jar);
  rc = pester_cookie_jar_save(jar, argv[3]);
  if (rc != 0) {
    fprintf(stderr, "%s: %s\n", argv[3], pester_strerror(rc));
    app.exit_code = 2;
  }
  pester_cookie_jar_free(jar);
  return uv_loop_close(loop) != 0 ? 3 : app.exit_code;
}
