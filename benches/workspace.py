"""A GitOps repository of COUNT manifests, always the same: python3 benches/workspace.py DIR COUNT.

Each app has a kustomize base, three overlays, and an Argo CD Application for each of them; 20 files
together.
"""

import pathlib
import sys

root, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
ENVIRONMENTS = ["dev", "staging", "prod"]


def write(path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def base(app, team, number):
    yield "kustomization.yaml", f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - configmap.yaml
  - deployment.yaml
  - service.yaml
  - serviceaccount.yaml
  - ingress.yaml
  - networkpolicy.yaml
  - hpa.yaml
labels:
  - pairs:
      app.kubernetes.io/part-of: {team}
"""
    yield "configmap.yaml", f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {app}-settings
data:
  LOG_LEVEL: info
  UPSTREAM: http://{team}-gateway:8080
  app.yaml: |
    # Read at the start.
    server:
      port: {8000 + number % 100}
      timeouts: {{read: 5s, write: 10s}}
    features: [search, export]
"""
    mount = "          subPath: app.yaml\n" if number % 7 == 0 else ""
    yield "deployment.yaml", f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
  labels:
    app: {app}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: {app}
  template:
    metadata:
      labels:
        app: {app}
    spec:
      serviceAccountName: {app}
      containers:
      - name: app
        image: registry.example.com/{team}/{app}:1.{number % 20}.0
        ports:
        - name: http
          containerPort: {8000 + number % 100}
        envFrom:
        - configMapRef:
            name: {app}-settings
        env:
        - name: REGION
          valueFrom:
            configMapKeyRef:
              name: {app}-region
              key: region
        readinessProbe:
          httpGet: {{path: /ready, port: http}}
        livenessProbe:
          httpGet: {{path: /live, port: http}}
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{memory: 256Mi}}
        volumeMounts:
        - name: settings
          mountPath: /etc/app{"/app.yaml" if mount else ""}
{mount}      volumes:
      - name: settings
        configMap:
          name: {app}-settings
"""
    yield "service.yaml", f"""\
apiVersion: v1
kind: Service
metadata:
  name: {app}
spec:
  selector:
    app: {app}
  ports:
  - name: http
    port: 80
    targetPort: http
"""
    yield "serviceaccount.yaml", f"""\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {app}
automountServiceAccountToken: false
"""
    yield "ingress.yaml", f"""\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {app}
spec:
  rules:
  - host: {app}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {app}
            port:
              name: http
"""
    yield "networkpolicy.yaml", f"""\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {app}
spec:
  podSelector:
    matchLabels:
      app: {app}
  policyTypes: [Ingress]
  ingress:
  - from:
    - namespaceSelector: {{}}
"""
    yield "hpa.yaml", f"""\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {app}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {app}
  minReplicas: 2
  maxReplicas: 10
  metrics:
  - type: Resource
    resource:
      name: cpu
      target: {{type: Utilization, averageUtilization: 70}}
"""


def overlay(app, team, environment):
    yield "kustomization.yaml", f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {team}
resources:
  - ../../base
  - region.yaml
patches:
  - path: replicas.yaml
"""
    yield "region.yaml", f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {app}-region
data:
  region: {environment}-west
"""
    yield "replicas.yaml", f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
spec:
  replicas: {4 if environment == "prod" else 1}
"""


def application(app, team, environment):
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {app}-{environment}
  namespace: argocd
spec:
  project: {team}
  source:
    repoURL: https://git.example.com/platform/deploy.git
    targetRevision: main
    path: apps/{team}/{app}/overlays/{environment}
  destination:
    name: {environment}
    namespace: {team}
  syncPolicy:
    automated: {{prune: true, selfHeal: true}}
"""


written = number = 0
while written < count:
    team, app = f"team-{number % 25:02}", f"svc-{number:04}"
    files = [(f"apps/{team}/{app}/base/{name}", text) for name, text in base(app, team, number)]
    for environment in ENVIRONMENTS:
        place = f"apps/{team}/{app}/overlays/{environment}"
        files += [(f"{place}/{name}", text) for name, text in overlay(app, team, environment)]
        files.append((f"argocd/{environment}/{app}.yaml", application(app, team, environment)))
    for path, text in files:
        write(path, text)
    written += len(files)
    number += 1
write("kubewright.toml", "")
print(f"{written} manifests of {number} apps")
