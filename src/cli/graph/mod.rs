//! `kubewright graph`: what is applied together, why that is known or not, and who reads which
//! ConfigMap or Secret.
//!
//! [`view`] says what there is to say about a workspace, for all formats alike; each format only
//! writes it down.

mod dot;
mod drawing;
mod json;
mod mermaid;
mod text;
mod view;

use anyhow::Result;
use kubewright_model::kube::Workspace;

use super::args::{GraphArgs, GraphFormat};
use super::ground::Ground;
use super::input_stream::{self, Source};
use super::status::Status;
use super::terminal::Terminal;
use view::Graph;

pub(super) fn graph(args: &GraphArgs, terminal: &Terminal) -> Result<Status> {
    let (ground, workspace) = if let Some(source) = Source::among(&args.paths)? {
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
        GraphFormat::Dot => terminal.raw(&dot::render(&graph))?,
    }
    Ok(Status::Clean)
}
