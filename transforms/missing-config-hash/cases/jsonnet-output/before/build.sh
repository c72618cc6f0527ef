#!/bin/sh
set -e
jsonnet -J vendor -m manifests web.jsonnet
