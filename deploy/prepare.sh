#!/bin/sh
# Writes the settings and passwords of compose.yaml into secret/, once. Files that are there stay as they are.
# Run it as root, because the containers' user (10001) must own the files: sudo sh deploy/prepare.sh
set -eu
umask 077
cd "$(dirname "$0")"
folder=${SECRET_DIR:-secret}
owner=${BOJAGI_UID:-10001}
mkdir -p "$folder"
# The user of the containers must be able to pass, nobody else.
chown "$owner" "$folder"

random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

# The content is read from standard input.
put() {
  if [ -e "$folder/$1" ]; then
    cat >/dev/null
    echo "kept $folder/$1"
  else
    cat >"$folder/$1"
    chmod 400 "$folder/$1"
    chown "$owner" "$folder/$1"
    echo "made $folder/$1"
  fi
}

password=$(random)
access=$(random | cut -c1-20)
secret=$(random)

random | put database
printf 'redis://:%s@redis:6379/0\n' "$password" | put redis
printf 'REDISCLI_AUTH=%s\n' "$password" | put redis.env
printf 'AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n' "$access" "$secret" | put s3.env
put bojagi.toml <<TOML
data_dir = "/var/lib/bojagi"
secret_dir = "/var/lib/bojagi-secret"
lakehouse_root = "s3://bojagi/lakehouse"
database = "postgresql://bojagi@postgres:5432/bojagi"
database_password_file = "/run/secrets/database"
online_redis_file = "/run/secrets/redis"

[http]
host = "127.0.0.1"
port = 8080
# Where browsers send events to, see docs/collect.md.
public_url = "https://${BOJAGI_HOST:-localhost}"

[storage_options]
aws_endpoint_url = "http://s3:8333"
aws_region = "us-east-1"
aws_access_key_id = "$access"
aws_secret_access_key = "$secret"
aws_allow_http = "true"
TOML
put login.env <<ENV
# The client that the OpenID Connect provider knows, see docs/operate/login.md.
OAUTH2_PROXY_OIDC_ISSUER_URL=
OAUTH2_PROXY_CLIENT_ID=
OAUTH2_PROXY_CLIENT_SECRET=
OAUTH2_PROXY_REDIRECT_URL=https://dagster.localhost/oauth2/callback
OAUTH2_PROXY_COOKIE_SECRET=$(random | cut -c1-32)
ENV
