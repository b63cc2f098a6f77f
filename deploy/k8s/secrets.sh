#!/bin/sh
# Puts the secrets into Kubernetes, one Secret a service and no more in it than that service needs.
#
#   GEMBA_DATABASE_HOST=postgres-rw:5432 deploy/secrets.sh FOLDER     makes them
#   deploy/k8s/secrets.sh FOLDER                                      puts them in, or renews them
set -eu
folder=${1:?the folder that deploy/secrets.sh made}
namespace=${GEMBA_NAMESPACE:-gemba}

secret() { # secret NAME KEY=FILE…
    name=$1
    shift
    for pair in "$@"; do
        set -- "$@" "--from-file=${pair%%=*}=$folder/${pair#*=}"
        shift
    done
    kubectl create secret generic "$name" --namespace "$namespace" "$@" \
        --dry-run=client --output=yaml | kubectl apply --filename=-
}

database=gemba_database_url=gemba_database_url
nats=gemba_nats_url=gemba_nats_url

secret gemba-gateway $database $nats gemba_redis_url=gemba_redis_url \
    gemba_mesh_secret=gemba_mesh_secret gemba_admin_password=gemba_admin_password \
    gemba_bootstrap_machine_key=gemba_machine_key signing_key.pem=signing_key.pem
secret gemba-mqtt $nats gemba_nats_mqtt_url=gemba_nats_mqtt_url gemba_service_secret=mqtt_service_secret
secret gemba-orchestrator $database $nats gemba_service_secret=orchestrator_service_secret
secret gemba-tracking $database $nats gemba_service_secret=tracking_service_secret \
    gemba_camera_credentials_secret=camera_credentials_secret
secret gemba-printers $database $nats gemba_service_secret=printers_service_secret \
    gemba_printer_credentials_secret=printer_credentials_secret
secret gemba-devices $database $nats gemba_service_secret=devices_service_secret
secret gemba-cluster $database $nats gemba_service_secret=cluster_service_secret
secret gemba-vision-node gemba_machine_key=gemba_machine_key
secret gemba-migration $database
secret gemba-nats users.conf=nats_users.conf
secret gemba-valkey users.conf=valkey_users.conf
secret gemba-postgres username=postgres_user password=postgres_password
