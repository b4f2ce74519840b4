#!/bin/sh
# Makes the keys and certificates of the TLS tests in the current directory, or copies those that
# $TEST_CERTS has: run_programs.py makes them once for all programs.
set -eu
if [ -n "${TEST_CERTS:-}" ]; then
  cp -R "$TEST_CERTS"/. .
  exit
fi

# own NAME SUBJECT KEY...: a certificate that signs itself; CA:TRUE unless told otherwise.
own() {
  name=$1 subject=$2
  shift 2
  openssl req -x509 -days 3650 -nodes -keyout "$name.key" -out "$name.crt" -subj "$subject" \
    -newkey "$@" 2>/dev/null
}

# issue NAME SUBJECT ISSUER DAYS [EXTENSION...]: without extensions it has version 1.
issue() {
  name=$1 subject=$2 issuer=$3 days=$4
  shift 4
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" \
    -out "$name.csr" -subj "$subject" 2>/dev/null
  printf '%s\n' "$@" >"$name.ext"
  [ $# -gt 0 ] && set -- -extfile "$name.ext"
  openssl x509 -req -in "$name.csr" -CA "$issuer.crt" -CAkey "$issuer.key" -CAcreateserial \
    -days "$days" -out "$name.crt" "$@" 2>/dev/null
}

own ca /CN=TestCA ec -pkeyopt ec_paramgen_curve:P-256
own other /CN=OtherCA ec -pkeyopt ec_paramgen_curve:P-256
issue server /CN=server ca 3650 "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"
issue wild /CN=wild ca 3650 "subjectAltName=DNS:*.example.com"
issue v1 /CN=localhost ca 1
issue san_only_ip /CN=localhost ca 3650 "subjectAltName=IP:127.0.0.1,email:a@b.c"
issue other_san /CN=localhost ca 3650 "subjectAltName=DNS:else.where"
issue client /CN=client ca 3650 "subjectAltName=DNS:localhost"
issue client_only /CN=localhost ca 3650 "extendedKeyUsage=clientAuth"
issue server_only /CN=localhost ca 3650 "extendedKeyUsage=serverAuth"
issue stranger /CN=localhost other 3650 "subjectAltName=DNS:localhost"
issue middle /CN=Middle ca 3650 "basicConstraints=critical,CA:TRUE" "keyUsage=keyCertSign"
issue below /CN=localhost middle 3650 "subjectAltName=DNS:localhost"
issue below_v1 /CN=localhost middle 3650
issue no_ca /CN=NoCA ca 3650 "basicConstraints=CA:FALSE"
issue below_no_ca /CN=localhost no_ca 3650 "subjectAltName=DNS:localhost"
issue below_no_ca_v1 /CN=localhost no_ca 3650
issue ca_leaf /CN=localhost ca 3650 "basicConstraints=CA:TRUE" "subjectAltName=DNS:localhost"
cat below.crt middle.crt >chain.crt
cat below_v1.crt middle.crt >chain_v1.crt
cat below_no_ca.crt no_ca.crt >chain_no_ca.crt
cat below_no_ca_v1.crt no_ca.crt >chain_no_ca_v1.crt
cp below.key chain.key
cp below_v1.key chain_v1.key
cp below_no_ca.key chain_no_ca.key
cp below_no_ca_v1.key chain_no_ca_v1.key

# Signed by themselves.
own own /CN=localhost ec -pkeyopt ec_paramgen_curve:P-256
own own_leaf /CN=localhost ec -pkeyopt ec_paramgen_curve:P-256 -addext basicConstraints=CA:FALSE
own p384 /CN=localhost ec -pkeyopt ec_paramgen_curve:P-384
own p521 /CN=localhost ec -pkeyopt ec_paramgen_curve:P-521
own ed25519 /CN=localhost ed25519
own rsa /CN=localhost rsa:2048
own weak /CN=localhost rsa:1024
openssl req -new -key own.key -out own_v1.csr -subj /CN=localhost 2>/dev/null
openssl x509 -req -in own_v1.csr -signkey own.key -days 3650 -out own_v1.crt 2>/dev/null
cp own.key own_v1.key
openssl req -new -key own.key -out no_cn.csr -subj /C=IE 2>/dev/null
openssl x509 -req -in no_cn.csr -signkey own.key -days 3650 -out no_cn.crt 2>/dev/null
cp own.key no_cn.key
# A root of version 1, and what it signs.
openssl req -new -key ca.key -out root_v1.csr -subj /CN=RootV1 2>/dev/null
openssl x509 -req -in root_v1.csr -signkey ca.key -days 3650 -out root_v1.crt 2>/dev/null
cp ca.key root_v1.key
issue by_v1 /CN=localhost root_v1 3650 "subjectAltName=DNS:localhost"

# Dates: openssl ca takes them, openssl x509 does not.
mkdir -p db
: >db/index.txt
echo 01 >db/serial
cat >db/ca.cnf <<'END'
[ca]
default_ca = test
[test]
database = db/index.txt
new_certs_dir = db
serial = db/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
dated() {
  openssl ca -batch -config db/ca.cnf -cert ca.crt -keyfile ca.key -in v1.csr -out "$1.crt" \
    -startdate "$2" -enddate "$3" -notext 2>/dev/null
  cp v1.key "$1.key"
}
dated expired 20200101000000Z 20210101000000Z
dated future 20990101000000Z 20991231000000Z

# Lists of revoked certificates: crl FILE AUTHORITY [OPTION...].
crl() {
  name=$1 authority=$2
  shift 2
  echo 01 >db/crlnumber
  openssl ca -gencrl -config db/ca.cnf -cert "$authority.crt" -keyfile "$authority.key" -out "$name.crl" "$@" 2>/dev/null
}
sed -i 's/^serial = .*/&\ncrlnumber = db\/crlnumber\ncrl_extensions = crl\ndefault_crl_days = 3650/; $a [crl]\nauthorityKeyIdentifier = keyid' db/ca.cnf
crl none ca
crl other other
own fake /CN=TestCA ec -pkeyopt ec_paramgen_curve:P-256
crl forged fake
crl old ca -crl_lastupdate 20200101000000Z -crl_nextupdate 20210101000000Z
openssl ca -config db/ca.cnf -cert ca.crt -keyfile ca.key -revoke client.crt 2>/dev/null
crl client ca

# What the authority says about them (OCSP).
openssl ocsp -index db/index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt -cert server.crt \
  -respout server.ocsp -ndays 3650 >/dev/null 2>&1
openssl ocsp -index db/index.txt -rsigner ca.crt -rkey ca.key -CA ca.crt -issuer ca.crt -cert client.crt \
  -respout client.ocsp -ndays 3650 >/dev/null 2>&1

# Keys and certificates in other forms.
openssl ec -in server.key -out server.sec1 2>/dev/null
openssl ecparam -name prime256v1 -out server.params 2>/dev/null
openssl ec -in server.key -outform DER -out server.sec1.der 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in server.key -outform DER -out server.pkcs8.der
openssl pkcs8 -topk8 -in server.key -passout pass:secret -out server.encrypted
openssl ec -in server.key -aes128 -passout pass:secret -out server.encrypted_sec1 2>/dev/null
openssl rsa -in rsa.key -traditional -out rsa.pkcs1 2>/dev/null
openssl rsa -in rsa.key -traditional -outform DER -out rsa.pkcs1.der 2>/dev/null
openssl x509 -in server.crt -outform DER -out server.der
openssl x509 -in ca.crt -outform DER -out ca.der
openssl x509 -in ca.crt -trustout -out ca.trusted
openssl x509 -in server.crt -text -out server.text
rm -f ./*.csr ./*.ext ./*.srl
