#!/bin/sh
# Makes the secrets of a mesh on servers, for compose.yaml and Kubernetes: `deploy/secrets.sh [FOLDER]`.
#
# Needs openssl. What is there already is kept, so that a second run changes nothing. Only the owner
# enters the folder; the files in it may be read, for containers mount each by itself and read it
# with an id of their own. `docs/operations.md` tells how they get into Kubernetes.
set -eu
umask 022

folder=${1:-deploy/secrets}
database_host=${GEMBA_DATABASE_HOST:-postgres:5432}
nats_host=${GEMBA_NATS_HOST:-nats:4222}
nats_mqtt_host=${GEMBA_NATS_MQTT_HOST:-nats:1884}
redis_host=${GEMBA_REDIS_HOST:-valkey:6379}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # keep NAME COMMAND…: the file's content, made by the command when there is none
    [ -s "$folder/$1" ] || { name=$1; shift; "$@" > "$folder/$name.new"; mv "$folder/$name.new" "$folder/$name"; }
}
token() { openssl rand -hex 32; }
machine_key() { printf 'sk_live_%s\n' "$(openssl rand -hex 32 | cut -c 1-43)"; }
signing_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null; }
text() { tr -d '\n' < "$folder/$1"; }
proof() { printf %s "$1" | openssl dgst -sha256 -hmac "$(text gemba_mesh_secret)" | sed 's/.* //'; }
redis_users() { printf 'requirepass %s\n' "$(text redis_password)"; }
nats_users() {
    printf 'authorization { users = [ { user: "gemba", password: "%s" } ] }\n' "$(text nats_password)"
}

keep postgres_user echo gemba
keep postgres_password token
keep nats_password token
keep redis_password token
keep grafana_password token
keep gemba_admin_password token
keep gemba_mesh_secret token
keep gemba_machine_key machine_key
keep signing_key.pem signing_key

keep gemba_database_url printf 'postgresql+asyncpg://gemba:%s@%s/gemba\n' "$(text postgres_password)" "$database_host"
keep gemba_nats_url printf 'nats://gemba:%s@%s\n' "$(text nats_password)" "$nats_host"
keep gemba_nats_mqtt_url printf 'mqtt://gemba:%s@%s\n' "$(text nats_password)" "$nats_mqtt_host"
keep gemba_redis_url printf 'redis://:%s@%s/0\n' "$(text redis_password)" "$redis_host"
keep nats_users.conf nats_users
keep valkey_users.conf redis_users
for service in orchestrator tracking printers devices cluster mqtt; do
    keep "${service}_service_secret" proof "$service"
done
# What passwords of printers and cameras are sealed with: stays when the mesh secret is replaced.
keep printer_credentials_secret proof printers
keep camera_credentials_secret proof tracking
echo "Secrets are in $folder; the first password of the user admin is in $folder/gemba_admin_password"
