#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes a throw-away PKI for the TLS tests into the directory $1: for each name N below N.key and N.pem
# (the certificate, followed by its intermediate if it has one). Nothing of it is secret or lasting.
set -eu
mkdir -p "$1"
cd "$1"
exec 2> make_pki.log

key() { # NAME ec|rsa
  if [ "$2" = rsa ]; then
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key"
  else
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
  fi
}

# `openssl ca` and not `openssl x509`: it is the one that sets both dates in every version.
cat > ca.cnf << 'END'
[ca]
default_ca = throwaway
[throwaway]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
END
: > index.txt
echo 1000 > serial

root() { # NAME
  key "$1" ec
  openssl req -x509 -new -key "$1.key" -out "$1.pem" -days 3650 -subj "/CN=$1" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# NAME KIND CN SAN [ISSUER] [EKU] [START] [END]
leaf() {
  key "$1" "$2"
  openssl req -new -key "$1.key" -out "$1.csr" -subj "/CN=$3" -config ca.cnf
  {
    [ -z "$4" ] || echo "subjectAltName=$4"
    echo "extendedKeyUsage=${6:-serverAuth}"
    echo "basicConstraints=CA:FALSE"
  } > "$1.ext"
  openssl ca -batch -notext -config ca.cnf -in "$1.csr" -out "$1.pem" -extfile "$1.ext" \
    -cert "${5:-ca}.pem" -keyfile "${5:-ca}.key" -startdate "${7:-20200101000000Z}" \
    -enddate "${8:-20991231000000Z}"
  if [ "${5:-ca}" = intermediate ]; then cat intermediate.pem >> "$1.pem"; fi
}

root ca
root stranger # a CA that nobody trusts
key intermediate ec
openssl req -new -key intermediate.key -out intermediate.csr -subj /CN=intermediate -config ca.cnf
printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:0 keyUsage=critical,keyCertSign > intermediate.ext
openssl ca -batch -notext -config ca.cnf -in intermediate.csr -out intermediate.pem -days 3650 \
  -extfile intermediate.ext -cert ca.pem -keyfile ca.key

leaf good ec good 'DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1'
leaf rsa rsa rsa 'DNS:localhost'
leaf iponly ec iponly 'IP:127.0.0.1'
leaf cnonly ec localhost ''
leaf cnip ec 127.0.0.1 ''
leaf dnsip ec dnsip 'DNS:127.0.0.1,DNS:*.0.0.1'
leaf toplevel ec toplevel 'DNS:*.test'
# "localhost\0.evil.test" as a dNSName
leaf nul ec nul 'DER:30:16:82:14:6c:6f:63:61:6c:68:6f:73:74:00:2e:65:76:69:6c:2e:74:65:73:74'
leaf viaint ec viaint 'DNS:localhost' intermediate
leaf badeku ec badeku 'DNS:localhost' ca clientAuth
leaf strange ec strange 'DNS:localhost' stranger
leaf expired ec expired 'DNS:localhost' ca serverAuth 20200101000000Z 20200201000000Z
leaf future ec future 'DNS:localhost' ca serverAuth 20980101000000Z 20991231000000Z
leaf client ec client '' ca clientAuth
sed -n '/BEGIN CERT/,$p' viaint.pem | sed '/END CERT/q' > viaint_alone.pem

key self ec
openssl req -x509 -new -key self.key -out self.pem -days 3650 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost

# Other shapes of the client's identity, and a bundle with a broken certificate in it.
openssl x509 -in client.pem -outform DER -out client.der
openssl pkey -in client.key -outform DER -out client_key.der
openssl ec -in client.key -aes128 -passout pass:secret -out client_locked.key
cat client.pem client.key > client_both.pem
{
  cat stranger.pem
  printf '%s\nMIIBAAAA\n%s\n' '-----BEGIN CERTIFICATE-----' '-----END CERTIFICATE-----'
  cat ca.pem
} > bundle.pem
: > empty.pem
# As /etc/ssl/certs is: each certificate under two names, a bundle of all, and what is no certificate.
mkdir cadir
cp ca.pem stranger.pem cadir/
ln -s ca.pem cadir/0a1b2c3d.0
cat ca.pem stranger.pem > cadir/bundle.crt
echo 'not a certificate' > cadir/README
mkdir emptydir
echo 'not a certificate' > emptydir/README

# The pin of `good`.
openssl pkey -in good.key -pubout -outform DER | openssl dgst -sha256 -binary | openssl base64 -A > good.pin
