#!/bin/sh
# Makes what is missing: an authority, and for each server a certificate that names it and is readable by its user only.
# Needs openssl. AUTHORITY gets the authority's certificate, which everybody may read; CERTIFICATES gets the keys.
set -eu
umask 077
AUTHORITY=${AUTHORITY:-/authority} CERTIFICATES=${CERTIFICATES:-/certificates}
YEARS_10=3650 YEARS_2=730

if [ ! -f "$AUTHORITY/ca.crt" ]; then
    openssl req -x509 -newkey rsa:3072 -noenc -sha256 -days "$YEARS_10" -subj "/CN=leaverwatch authority" \
        -keyout "$CERTIFICATES/ca.key" -out "$CERTIFICATES/ca.crt" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign"
    install -m 0644 "$CERTIFICATES/ca.crt" "$AUTHORITY/ca.crt"
    chmod 0755 "$AUTHORITY"
fi

# certificate SERVER USER: USER is the number that the server's image runs as.
certificate() {
    folder="$CERTIFICATES/$1"
    [ -f "$folder/server.pem" ] && return
    mkdir -p "$folder"
    printf 'subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' "$1" > "$folder/names"
    openssl req -newkey rsa:3072 -noenc -sha256 -subj "/CN=$1" -keyout "$folder/server.key" -out "$folder/request"
    openssl x509 -req -sha256 -days "$YEARS_2" -in "$folder/request" -extfile "$folder/names" \
        -CA "$CERTIFICATES/ca.crt" -CAkey "$CERTIFICATES/ca.key" -CAcreateserial -out "$folder/server.crt"
    cp "$CERTIFICATES/ca.crt" "$folder/ca.crt"
    # Kafka takes key and certificates in one file.
    cat "$folder/server.key" "$folder/server.crt" "$folder/ca.crt" > "$folder/server.pem"
    rm "$folder/request" "$folder/names"
    chown -R "$2:$2" "$folder"
}

chmod 0755 "$CERTIFICATES"
certificate elasticsearch 1000
certificate kafka 1000
certificate postgres 999
