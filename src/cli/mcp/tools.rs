//! What each tool is called, what it takes, and what a client may think of it. The schemas of the
//! arguments are made of the types that the arguments are read as.

use anyhow::{Result, anyhow};
use rmcp::handler::server::tool::schema_for_type;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use rmcp::schemars::{self, JsonSchema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Names of the tools.
pub(super) const FIND: &str = "find";
pub(super) const EXPLAIN: &str = "explain";
pub(super) const GRAPH: &str = "graph";
pub(super) const PREVIEW: &str = "preview";
pub(super) const APPLY: &str = "apply";

/// The arguments of `find`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// Files and directories to report on, relative to the root; everything when left out.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Run these transforms alone.
    #[serde(default)]
    pub(super) transforms: Vec<String>,
}

/// The arguments of `explain`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    /// Name of a transform, as in a finding; a list of all when left out.
    #[serde(default)]
    pub(super) transform: Option<String>,
}

/// The arguments of `graph`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Graph {
    /// Files and directories whose apply sets are shown, relative to the root; all when left out.
    #[serde(default)]
    pub(super) paths: Vec<String>,
}

/// The arguments of `preview`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Preview {
    /// Files and directories to fix, relative to the root; everything when left out.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Run these transforms alone.
    #[serde(default)]
    pub(super) transforms: Vec<String>,
    /// Transforms whose unsafe fixes are applied too: what a person agreed to.
    #[serde(default)]
    pub(super) unsafe_fixes: Vec<String>,
}

/// The arguments of `apply`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Apply {
    /// The digest that preview gave; the other arguments must be those of that preview.
    pub(super) digest: String,
    /// Files and directories to fix, relative to the root; everything when left out.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Run these transforms alone.
    #[serde(default)]
    pub(super) transforms: Vec<String>,
    /// Transforms whose unsafe fixes are applied too: what a person agreed to.
    #[serde(default)]
    pub(super) unsafe_fixes: Vec<String>,
}

/// All tools.
pub(super) fn all() -> Vec<Tool> {
    let reads = || ToolAnnotations::new().read_only(true).open_world(false);
    let writes = ToolAnnotations::new()
        .read_only(false)
        .destructive(true)
        .idempotent(true)
        .open_world(false);
    vec![
        tool::<Find>(
            FIND,
            "Find hazards",
            "Finds configuration hazards in the Kubernetes manifests below the root: changes that \
             restart no pod, names that collide, references that lead nowhere, files mounted \
             through subPath. Each finding has its place, what happens because of it, and the fix \
             or the code of why there is none.",
            reads(),
        ),
        tool::<Explain>(
            EXPLAIN,
            "Explain a transform",
            "The page of a transform in Markdown: what it finds, when its fix is safe, its \
             options, and what each code of a missing fix means and asks for.",
            reads(),
        ),
        tool::<Graph>(
            GRAPH,
            "Show the graph",
            "What is applied together (apply sets of kustomize, Argo CD, Flux, directories), why \
             that is known, and which workload reads which ConfigMap or Secret by which keys.",
            reads(),
        ),
        tool::<Preview>(
            PREVIEW,
            "Preview the fixes",
            "The diff of all fixes that are proven safe, as git apply takes it, what applying it \
             restarts, and the digest that apply asks for. Writes nothing.",
            reads(),
        ),
        tool::<Apply>(
            APPLY,
            "Apply the fixes",
            "Writes the diff that preview has shown, all files or none. Refuses when the diff \
             would be another one by now.",
            writes,
        ),
    ]
}

fn tool<A: JsonSchema + 'static>(
    name: &'static str,
    title: &'static str,
    description: &'static str,
    annotations: ToolAnnotations,
) -> Tool {
    let mut schema = (*schema_for_type::<A>()).clone();
    // The name of the type and what is said of it in the code.
    schema.remove("title");
    schema.remove("description");
    Tool::new(name, description, schema)
        .with_title(title)
        .with_annotations(annotations)
}

/// Reads arguments.
pub(super) fn read<A: DeserializeOwned>(arguments: JsonObject) -> Result<A> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| anyhow!("the arguments are not understood: {error}"))
}
