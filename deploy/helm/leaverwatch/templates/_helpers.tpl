{{- define "leaverwatch.labels" -}}
{{ include "leaverwatch.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "leaverwatch.selector" -}}
app.kubernetes.io/name: leaverwatch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "leaverwatch.metadata" -}}
name: {{ printf "%s-%s" .root.Release.Name .part }}
labels: {{- include "leaverwatch.labels" . | nindent 2 }}
{{- end }}

{{/* What a pod of any part has. */}}
{{- define "leaverwatch.pod" -}}
automountServiceAccountToken: false
# Kubernetes would set LEAVERWATCH_API_PORT and the like for a service of that name, which are keys of the configuration.
enableServiceLinks: false
terminationGracePeriodSeconds: 120
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "leaverwatch.selector" . | nindent 8 }}
{{- end }}

{{/* What a container of any part has. */}}
{{- define "leaverwatch.container" -}}
name: {{ .part }}
image: {{ printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{- toYaml (index .root.Values .part).resources | nindent 2 }}
{{- end }}

{{/* Variables from the Secret, by the parts that need them, and where the configuration is. */}}
{{- define "leaverwatch.environment" -}}
- {name: LEAVERWATCH_CONFIG, value: /etc/leaverwatch/leaverwatch.toml}
{{- range $name, $key := .secrets }}
- name: LEAVERWATCH_{{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $.root.Values.secretName }}, key: {{ $key }}}}
{{- end }}
{{- end }}

{{- define "leaverwatch.mounts" -}}
- {name: config, mountPath: /etc/leaverwatch, readOnly: true}
- {name: authority, mountPath: /authority, readOnly: true}
- {name: tmp, mountPath: /tmp}
- {name: data, mountPath: /data}
{{- end }}

{{- define "leaverwatch.volumes" -}}
- name: config
  configMap: {name: {{ .root.Release.Name }}-config}
- name: authority
  configMap: {name: {{ .root.Values.authorityConfigMap }}}
- name: tmp
  emptyDir: {}
{{- end }}

{{- define "leaverwatch.metrics" -}}
ports:
  - {name: metrics, containerPort: 9100}
startupProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /metrics, port: metrics}
  periodSeconds: 30
  timeoutSeconds: 10
  failureThreshold: 4
{{- end }}
