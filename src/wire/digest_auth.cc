// SPDX-License-Identifier: MIT
#include "wire/digest_auth.h"

#include <mbedtls/md.h>

#include <cstdio>
#include <initializer_list>

#include "core/text.h"
#include "wire/basic_credentials.h"
#include "wire/text_scan.h"

namespace pester::wire {

namespace {

using core::part;

constexpr size_t kHashBytesMax = 32;

// ---- reading

// A list of challenges, one item after the other: "scheme" alone, or "name=value" of the one before.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  struct Item {
    std::string_view name;  // of a parameter, or a scheme's
    Challenge::Text value;  // unquoted
    bool is_scheme = false;
    bool fits = true;  // the value is no longer than can be kept
  };

  // False at the end, or where it is malformed.
  bool next(Item* item) {
    for (;;) {
      skip_separators();
      item->name = token();
      if (item->name.empty()) return false;
      skip_blanks();
      item->is_scheme = at_ == text_.size() || text_[at_] != '=';
      if (item->is_scheme) return true;
      if (!skip_token68()) break;
    }
    ++at_;
    skip_blanks();
    return value(item);
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  void skip_separators() {
    while (at_ < text_.size() && (is_blank(text_[at_]) || text_[at_] == ',')) ++at_;
  }
  std::string_view token() {
    const size_t from = at_;
    while (at_ < text_.size() && is_token_byte(text_[at_])) ++at_;
    return part(text_, from, at_ - from);
  }
  // "==" or "=," or "=" at the end: of a challenge of another kind, which nobody here can read.
  bool skip_token68() {
    const size_t behind = text_.find_first_not_of('=', at_);
    const bool last = behind == std::string_view::npos || text_[behind] == ',';
    if (last) at_ = behind == std::string_view::npos ? text_.size() : behind;
    return last;
  }
  bool value(Item* item) {
    item->value.bytes = 0;
    item->fits = true;
    if (at_ < text_.size() && text_[at_] == '"') return quoted(item);
    const std::string_view plain = token();
    for (const char c : plain) keep(item, c);
    return !plain.empty();
  }
  bool quoted(Item* item) {
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (++at_ == text_.size()) return false;
        c = text_[at_];
      }
      keep(item, c);
    }
    return false;
  }
  static void keep(Item* item, char c) {
    if (item->value.bytes == sizeof item->value.at || !is_text_byte(c)) {
      item->fits = false;
    } else {
      item->value.at[item->value.bytes++] = c;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

// One challenge while it is read.
struct Draft {
  Challenge challenge;
  bool answerable = true;
  bool has_realm = false, has_nonce = false;

  [[nodiscard]] int strength() const {
    if (!answerable || challenge.scheme == Challenge::Scheme::none) return 0;
    if (challenge.scheme == Challenge::Scheme::basic) return 1;
    if (!has_realm || !has_nonce) return 0;
    return challenge.hash == Challenge::Hash::sha256 ? 3 : 2;
  }
};

bool is_word(std::string_view text, std::string_view lower) {
  return equals_ignoring_case(text, lower);
}

// "auth" in a list of words.
bool offers_auth(std::string_view list) {
  for (size_t at = 0; at <= list.size();) {
    size_t end = list.find(',', at);
    if (end == std::string_view::npos) end = list.size();
    std::string_view word = part(list, at, end - at);
    while (!word.empty() && is_blank(word.front())) word.remove_prefix(1);
    while (!word.empty() && is_blank(word.back())) word.remove_suffix(1);
    if (is_word(word, "auth")) return true;
    at = end + 1;
  }
  return false;
}

void take_algorithm(std::string_view name, Draft* draft) {
  Challenge& challenge = draft->challenge;
  challenge.session = name.size() > 5 && is_word(part(name, name.size() - 5), "-sess");
  const std::string_view hash = challenge.session ? part(name, 0, name.size() - 5) : name;
  if (is_word(hash, "md5")) {
    challenge.hash = Challenge::Hash::md5;
  } else if (is_word(hash, "sha-256")) {
    challenge.hash = Challenge::Hash::sha256;
  } else {
    draft->answerable = false;
  }
}

void take_parameter(const Reader::Item& item, Draft* draft) {
  Challenge& challenge = draft->challenge;
  const std::string_view value = item.value.view();
  const auto keep = [&](Challenge::Text* text) {
    *text = item.value;
    draft->answerable &= item.fits;
    return true;
  };
  if (is_word(item.name, "realm")) {
    draft->has_realm = keep(&challenge.realm);
  } else if (is_word(item.name, "nonce")) {
    draft->has_nonce = keep(&challenge.nonce);
  } else if (is_word(item.name, "opaque")) {
    challenge.has_opaque = keep(&challenge.opaque);
  } else if (is_word(item.name, "algorithm")) {
    take_algorithm(value, draft);
  } else if (is_word(item.name, "stale")) {
    challenge.stale = is_word(value, "true");
  } else if (is_word(item.name, "userhash")) {
    challenge.userhash = is_word(value, "true");
  } else if (is_word(item.name, "qop")) {
    challenge.has_qop = true;
    draft->answerable &= offers_auth(value);
  }
}

void consider(const Draft& draft, Willing willing, int* best, Challenge* challenge) {
  using Scheme = Challenge::Scheme;
  const bool wanted = (draft.challenge.scheme == Scheme::basic && willing.basic) ||
                      (draft.challenge.scheme == Scheme::digest && willing.digest);
  if (!wanted || draft.strength() <= *best) return;
  *best = draft.strength();
  *challenge = draft.challenge;
}

// ---- writing

struct Hex {
  char text[2 * kHashBytesMax];
  size_t bytes = 0;
  [[nodiscard]] std::string_view view() const { return {text, bytes}; }
};

void put_hex(const unsigned char* bytes, size_t count, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < count; ++i) {
    out[2 * i] = kDigits[bytes[i] >> 4];
    out[2 * i + 1] = kDigits[bytes[i] & 15];
  }
}

// Of the texts, with colons between them. False when the hash is not to be had.
bool hash_of(Challenge::Hash hash, std::initializer_list<std::string_view> texts, Hex* out) {
  const mbedtls_md_info_t* info =
      mbedtls_md_info_from_type(hash == Challenge::Hash::md5 ? MBEDTLS_MD_MD5 : MBEDTLS_MD_SHA256);
  if (info == nullptr) return false;
  mbedtls_md_context_t context;
  mbedtls_md_init(&context);
  bool ok = mbedtls_md_setup(&context, info, 0) == 0 && mbedtls_md_starts(&context) == 0;
  bool first = true;
  for (const std::string_view text : texts) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    ok = ok &&
         (first || mbedtls_md_update(&context, reinterpret_cast<const unsigned char*>(":"), 1) == 0);
    ok = ok && mbedtls_md_update(&context, bytes, text.size()) == 0;
    first = false;
  }
  unsigned char digest[kHashBytesMax];
  const size_t size = mbedtls_md_get_size(info);
  ok = ok && mbedtls_md_finish(&context, digest) == 0;
  mbedtls_md_free(&context);
  if (!ok) return false;
  put_hex(digest, size, out->text);
  out->bytes = 2 * size;
  return true;
}

struct Writer {
  BlockPool& pool;
  Bytes* out;
  bool ok = true;

  Writer& put(std::string_view text) {
    ok = ok && out->append(pool, text.data(), text.size());
    return *this;
  }
  Writer& put_quoted(std::string_view text) {
    put("\"");
    for (const char& c : text) {
      if (c == '"' || c == '\\') put("\\");
      put({&c, 1});
    }
    return put("\"");
  }
};

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// RFC 8187: for what a quoted string may not carry.
void put_extended(Writer& writer, std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  writer.put("UTF-8''");
  for (const char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
    const char escaped[] = {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    plain ? writer.put({&c, 1}) : writer.put({escaped, sizeof escaped});
  }
}

bool put_user(Writer& writer, const Challenge& challenge, std::string_view user) {
  if (challenge.userhash) {
    Hex hashed;
    if (!hash_of(challenge.hash, {user, challenge.realm.view()}, &hashed)) return false;
    writer.put("username=").put_quoted(hashed.view());
  } else if (is_ascii(user)) {
    writer.put("username=").put_quoted(user);
  } else {
    writer.put("username*=");
    put_extended(writer, user);
  }
  return true;
}

}  // namespace

void find_challenge(const ResponseHead& head, Willing willing, Challenge* challenge) {
  *challenge = Challenge{};
  int best = 0;
  for (size_t i = 0; i < head.field_count; ++i) {
    if (!equals_ignoring_case(head.name(i), "www-authenticate")) continue;
    Draft draft;
    Reader reader(head.value(i));
    for (Reader::Item item; reader.next(&item);) {
      if (!item.is_scheme) {
        take_parameter(item, &draft);
        continue;
      }
      consider(draft, willing, &best, challenge);
      draft = Draft{};
      if (is_word(item.name, "basic")) draft.challenge.scheme = Challenge::Scheme::basic;
      if (is_word(item.name, "digest")) draft.challenge.scheme = Challenge::Scheme::digest;
    }
    consider(draft, willing, &best, challenge);
  }
}

bool add_digest_credentials(const Challenge& challenge, const DigestUser& user, std::string_view method,
                            std::string_view target, uint32_t count, uint64_t salt, BlockPool& pool,
                            Bytes* out) {
  char nc[9];
  char cnonce[17];
  std::snprintf(nc, sizeof nc, "%08x", count);
  std::snprintf(cnonce, sizeof cnonce, "%016llx", static_cast<unsigned long long>(salt));
  const std::string_view nonce = challenge.nonce.view();
  Hex a1;
  Hex a2;
  Hex answer;
  bool ok = hash_of(challenge.hash, {user.user, challenge.realm.view(), user.password}, &a1);
  if (challenge.session) {
    const Hex plain = a1;
    ok = ok && hash_of(challenge.hash, {plain.view(), nonce, cnonce}, &a1);
  }
  ok = ok && hash_of(challenge.hash, {method, target}, &a2);
  ok = ok && (challenge.has_qop
                  ? hash_of(challenge.hash, {a1.view(), nonce, nc, cnonce, "auth", a2.view()}, &answer)
                  : hash_of(challenge.hash, {a1.view(), nonce, a2.view()}, &answer));
  if (!ok) return false;
  Writer writer{pool, out};
  writer.put("Digest ");
  if (!put_user(writer, challenge, user.user)) return false;
  writer.put(", realm=").put_quoted(challenge.realm.view());
  writer.put(", nonce=").put_quoted(nonce);
  writer.put(", uri=").put_quoted(target);
  writer.put(", algorithm=").put(challenge.hash == Challenge::Hash::md5 ? "MD5" : "SHA-256");
  if (challenge.session) writer.put("-sess");
  writer.put(", response=").put_quoted(answer.view());
  if (challenge.has_opaque) writer.put(", opaque=").put_quoted(challenge.opaque.view());
  if (challenge.has_qop || challenge.session) {
    if (challenge.has_qop) writer.put(", qop=auth, nc=").put(nc);
    writer.put(", cnonce=").put_quoted(cnonce);
  }
  if (challenge.userhash) writer.put(", userhash=true");
  return writer.ok;
}

bool add_userinfo(const DigestUser& user, BlockPool& pool, Bytes* out) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  Writer writer{pool, out};
  const auto encode = [&](std::string_view text) {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const char escaped[] = {'%', kDigits[byte >> 4], kDigits[byte & 15]};
      writer.put({escaped, sizeof escaped});
    }
  };
  encode(user.user);
  writer.put(":");
  encode(user.password);
  return writer.ok;
}

bool add_basic_credentials(const DigestUser& user, BlockPool& pool, Bytes* out) {
  constexpr std::string_view kScheme = "Basic ";
  Bytes userinfo;
  bool ok = add_userinfo(user, pool, &userinfo);
  const size_t bytes = ok ? basic_credentials_bytes(userinfo.view()) : 0;
  ok = ok && out->append(pool, kScheme.data(), kScheme.size()) && out->reserve(pool, bytes);
  if (ok) {
    write_basic_credentials(userinfo.view(), out->data() + out->size());
    out->set_size(out->size() + bytes);
  }
  userinfo.release(pool);
  return ok;
}

bool are_credentials(const DigestUser& user, bool basic) {
  for (const char c : user.user) {
    if (!is_text_byte(c) || (basic && c == ':')) return false;
  }
  for (const char c : user.password) {
    if (!is_text_byte(c)) return false;
  }
  return true;
}

}  // namespace pester::wire
