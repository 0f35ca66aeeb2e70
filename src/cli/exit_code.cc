// SPDX-License-Identifier: MIT
// The table from error codes to curl's exit statuses. It knows no texts: they are the library's.
#include "cli/exit_code.h"

#include <pester.h>

namespace pester::cli {
namespace {

// Pester's own codes; -1 for a code that is not one of them.
int own_status(int error) {
  switch (error) {
    case PESTER_ESCHEME:
      return kExitScheme;
    case PESTER_EURL:
      return kExitUrl;
    case PESTER_EMETHOD:
    case PESTER_EHEADER:
    case PESTER_EOPTION:
    case PESTER_ESHARED:
      return kExitUsage;
    case PESTER_ESOURCE:
      return kExitRead;
    case PESTER_EEMPTY:
      return kExitEmpty;
    // In both cases the beginning of a body is out, and its rest did not come.
    case PESTER_EBODYCUT:
    case PESTER_ERESUME:
      return kExitBodyCut;
    case PESTER_EHEADCUT:
    case PESTER_EPROTOCOL:
    case PESTER_EHEADSIZE:
    case PESTER_ETLSDATA:
      return kExitReceive;
    case PESTER_EBODYSIZE:
      return kExitBodySize;
    case PESTER_EENCODING:
      return kExitEncoding;
    case PESTER_EREDIRECTS:
    case PESTER_EREDIRECT:
      return kExitRedirects;
    case PESTER_ETLS:
      return kExitTls;
    case PESTER_ECERTIFICATE:
      return kExitCertificate;
    case PESTER_EPIN:
      return kExitPin;
    case PESTER_ETRUST:
      return kExitTrust;
    case PESTER_ECLIENTCERT:
      return kExitClientCert;
    case PESTER_EPROXY:
    case PESTER_EPROXYAUTH:
    case PESTER_EPROXYDENIED:
      return kExitProxy;
    case PESTER_EPROXYHOST:
      return kExitProxyHost;
    case PESTER_ETIMEOUT_CONNECT:
    case PESTER_ETIMEOUT_FIRST_BYTE:
    case PESTER_ETIMEOUT_BODY:
    case PESTER_ETIMEOUT_ATTEMPT:
    case PESTER_ETIMEOUT_TOTAL:
      return kExitTimeout;
    case PESTER_ECANCELED:
    case PESTER_ECLOSED:
      return kExitAborted;
    // Stopped before anything was tried: there is no real error whose number could be told.
    case PESTER_EQUEUE:
    case PESTER_EBUDGET:
    case PESTER_EBREAKER:
      return kExitConnect;
    case PESTER_ENOENT:
    case PESTER_ECLOSING:
    case PESTER_ECOOKIE:  // the command sets none by hand
    case PESTER_EINTERNAL:
      return kExitInternal;
    default:
      return -1;
  }
}

bool is_resolver_error(int error) {
  switch (error) {
    case UV_EAI_ADDRFAMILY:
    case UV_EAI_AGAIN:
    case UV_EAI_BADFLAGS:
    case UV_EAI_BADHINTS:
    case UV_EAI_CANCELED:
    case UV_EAI_FAIL:
    case UV_EAI_FAMILY:
    case UV_EAI_MEMORY:
    case UV_EAI_NODATA:
    case UV_EAI_NONAME:
    case UV_EAI_OVERFLOW:
    case UV_EAI_PROTOCOL:
    case UV_EAI_SERVICE:
    case UV_EAI_SOCKTYPE:
      return true;
    default:
      return false;
  }
}

int system_status(int error, Reached reached) {
  if (is_resolver_error(error)) return kExitResolve;
  switch (error) {
    case UV_ECONNREFUSED:
    case UV_EHOSTUNREACH:
    case UV_EHOSTDOWN:
    case UV_ENETUNREACH:
    case UV_ENETDOWN:
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
      return kExitConnect;
    case UV_ETIMEDOUT:
      return kExitTimeout;
    case UV_ENOMEM:
      return kExitMemory;
    case UV_EINVAL:
      return kExitUsage;
    case UV_EPIPE:
      return kExitSend;
    default:
      return reached == Reached::nothing ? kExitConnect : kExitReceive;
  }
}

}  // namespace

int exit_status_of(int error, Reached reached) {
  if (error == 0) return kExitOk;
  const bool cut = error == PESTER_EEMPTY || error == PESTER_EHEADCUT || error == UV_ECONNRESET ||
                   error == UV_ECONNABORTED || error == UV_EPIPE;
  if (reached == Reached::handshake && cut) return kExitTls;
  const int own = own_status(error);
  return own >= 0 ? own : system_status(error, reached);
}

}  // namespace pester::cli
