"""strict_schema.py BEFORE AFTER: every document of AFTER that differs from its counterpart in BEFORE passes the strict schema, unless
its counterpart did not. BEFORE may be /dev/null. Prints what fails; kinds without a schema are not judged."""
import sys, yaml, kubernetes_validate as kv

def documents(path):
    with open(path, "rb") as f:
        found = []
        for d in yaml.load_all(f, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            found += d.get("items") or [] if isinstance(d, dict) and str(d.get("kind", "")).endswith("List") else [d]
        return [d for d in found if isinstance(d, dict)]

def error(document):
    try:
        kv.validate(document, kv.latest_version(), strict=True)
    except (kv.SchemaNotFoundError, KeyError):
        return None
    except kv.ValidationError as e:
        return str(e).splitlines()[0]

try:
    before = documents(sys.argv[1])
except yaml.YAMLError:
    sys.exit(0)
bad = 0
for i, document in enumerate(documents(sys.argv[2])):
    same = [b for b in before if (b.get("kind"), (b.get("metadata") or {}).get("name")) == (document.get("kind"), (document.get("metadata") or {}).get("name"))]
    old = same[0] if same else before[i] if i < len(before) else None
    if document in before or (old is not None and error(old)):
        continue
    why = error(document)
    if why:
        bad += 1
        print(f"{sys.argv[2]}: {document.get('kind')}/{(document.get('metadata') or {}).get('name')}: {why}")
sys.exit(bad > 0)
