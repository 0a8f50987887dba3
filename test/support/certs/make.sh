#!/bin/sh
# Makes the certificates of the tests: an authority `ca` with a member `node`, and another authority `other` with a member
# `stranger`. They are in the repository, so that nobody needs openssl to run the tests.
set -eu
cd "$(dirname "$0")"
for pair in ca:node other:stranger; do
  ca=${pair%:*}
  member=${pair#*:}
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -subj "/CN=seneca-gossip test $ca" -keyout "$ca.key" -out "$ca.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$member" \
    -keyout "$member.key" -out "$member.csr"
  printf 'subjectAltName=DNS:%s.test\n' "$member" >"$member.ext"
  openssl x509 -req -in "$member.csr" -CA "$ca.pem" -CAkey "$ca.key" -CAcreateserial \
    -days 36500 -extfile "$member.ext" -out "$member.pem"
done
# Of X.509 version 1, which rustls does not take.
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=old" -keyout old.key -out old.csr
openssl x509 -req -in old.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 36500 -out old.pem
rm -f ./*.csr ./*.srl ./*.ext ca.key other.key
