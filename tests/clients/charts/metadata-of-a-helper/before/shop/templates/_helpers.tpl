{{- define "shop.metadata" -}}
labels:
  app: {{ .Release.Name }}
{{- if .Values.annotations }}
annotations:
  {{- toYaml .Values.annotations | nindent 2 }}
{{- end }}
{{- end }}
