          set -- --progress=plain --frontend=dockerfile.v0 --metadata-file=/tmp/metadata.json \
            "--local=context=$CONTEXT" \
            "--local=dockerfile=$(dirname "$DOCKERFILE")" "--opt=filename=$(basename "$DOCKERFILE")" "$@"
          if [ -n "$CERTS" ] && [ -e "$CERTS/tls.crt" ]; then
            buildctl "--tlscacert=$CERTS/ca.crt" "--tlscert=$CERTS/tls.crt" "--tlskey=$CERTS/tls.key" build "$@"
          else
            buildctl build "$@"
          fi
          digest=$(sed -n 's/^ *"containerimage.digest": *"\([^"]*\)".*/\1/p' /tmp/metadata.json)
