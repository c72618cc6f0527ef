{{- define "shop.podMetadata" -}}
metadata:
  labels:
    app: {{ .Release.Name }}
{{- end }}
