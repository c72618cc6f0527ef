//! `kubewright graph`: what is applied together, why that is known or not, and who reads which
//! ConfigMap or Secret.
//!
//! [`relations`](super::print::relations) says what there is to say about a workspace, for all
//! formats alike; each format only
//! writes it down.

pub(super) mod json;
pub(super) mod text;
pub(super) use anyhow::Result;
use kubewright_model::kube::Workspace;

use super::args::{GraphArgs, GraphFormat};
use super::ground::Ground;
use super::input_stream::{self, InputStream};
use super::print::html;
use super::print::relations::{Graph, dot, mermaid};
use super::status::Status;
use super::terminal::Terminal;

pub(super) fn graph(args: &GraphArgs, terminal: &Terminal) -> Result<Status> {
    let (ground, workspace) = if let Some(source) = InputStream::among(&args.paths)? {
        let ground = Ground::of_stream(args.config.as_deref())?;
        let workspace = input_stream::read(&source, &ground.config.options)?;
        (ground, workspace)
    } else {
        let ground = Ground::of(&args.paths, args.config.as_deref())?;
        let tree = ground.read_aloud(terminal)?;
        let workspace = Workspace::new(tree.inputs, ground.config.options.clone());
        (ground, workspace)
    };
    let graph = Graph::of(&workspace, &ground.shown());
    match args.format {
        GraphFormat::Text => terminal.out(&text::render(&graph))?,
        GraphFormat::Json => terminal.json(&json::render(&graph))?,
        GraphFormat::Mermaid => terminal.raw(&mermaid::render(&graph))?,
        GraphFormat::Html => terminal.raw(&html::render_graph(&graph))?,
        GraphFormat::Dot => terminal.raw(&dot::render(&graph))?,
    }
    Ok(Status::Clean)
}
