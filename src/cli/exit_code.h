// SPDX-License-Identifier: MIT
// The command's exit status: curl's numbers, so that scripts need not learn new ones. It knows error
// codes and how far an exchange had come, and nothing of options or output.
#ifndef PESTER_CLI_EXIT_CODE_H_
#define PESTER_CLI_EXIT_CODE_H_

namespace pester::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitScheme = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUrl = 3;
inline constexpr int kExitProxyHost = 5;
inline constexpr int kExitResolve = 6;
inline constexpr int kExitConnect = 7;
inline constexpr int kExitBodyCut = 18;
inline constexpr int kExitHttpStatus = 22;
inline constexpr int kExitWrite = 23;
inline constexpr int kExitRead = 26;
inline constexpr int kExitMemory = 27;
inline constexpr int kExitTimeout = 28;
inline constexpr int kExitTls = 35;
inline constexpr int kExitAborted = 42;
inline constexpr int kExitInternal = 43;
inline constexpr int kExitRedirects = 47;
inline constexpr int kExitEmpty = 52;
inline constexpr int kExitSend = 55;
inline constexpr int kExitReceive = 56;
inline constexpr int kExitClientCert = 58;
inline constexpr int kExitCertificate = 60;
inline constexpr int kExitEncoding = 61;
inline constexpr int kExitBodySize = 63;
inline constexpr int kExitTrust = 77;
inline constexpr int kExitPin = 90;
inline constexpr int kExitProxy = 97;
inline constexpr int kExitInterrupted = 130;

// How far the exchange that met the error had come: the same reset is a failed handshake in one place
// and a failed receive in the other.
enum class Reached { nothing, handshake, exchange };

// `error` is a code of pester_result_error or of a function that refused; 0 gives kExitOk.
int exit_status_of(int error, Reached reached);

}  // namespace pester::cli

#endif
