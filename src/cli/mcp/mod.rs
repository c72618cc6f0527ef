//! `kubewright mcp`: a server of the Model Context Protocol
//! (<https://modelcontextprotocol.io/specification>) on standard input and output, so that an
//! assistant asks for proven fixes instead of rewriting YAML by itself.
//!
//! The SDK speaks the protocol, in all its versions; here is what the tools are and do. A tool that
//! fails answers with a result that says why, since assistants read results and not the errors of
//! the protocol. Tools take turns: one that writes never meets one that reads.

mod run;
mod tools;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, ServerInitializeError};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};

use super::args::{Color, McpArgs};
use super::files;
use super::print::run::{HOME, VERSION};
use super::status::Status;
use super::terminal::{self, Terminal};
use run::Answer;

/// What an assistant is told before it asks anything.
const INSTRUCTIONS: &str = "\
kubewright finds configuration hazards in Kubernetes manifests and fixes them byte for byte, where \
     the fix is proven from the workspace. Ask find for the findings, explain for the page of a \
     transform, graph for what is applied together and who reads which ConfigMap or Secret, \
     preview for the diff of the fixes. Prefer its diff to edits of your own: names, references \
     and hashes change together over all files. Fixes marked unsafe need the word of a person.";

/// Serves until the client leaves.
pub(super) fn mcp(args: &McpArgs, terminal: &Terminal) -> Result<Status> {
    let config = args.config.as_ref().map(std::path::absolute).transpose()?;
    let shown = args.root.display();
    let root = match args.root.canonicalize() {
        Ok(root) if root.is_dir() => root,
        Ok(_) => bail!("{shown} is no directory; ROOT is the directory that the tools work in"),
        Err(error) => bail!("{shown}: {}", files::plain(&error)),
    };
    // Paths are typed and shown relative to the root.
    std::env::set_current_dir(&root).with_context(|| format!("cannot work in {shown}"))?;
    let server = Server(Arc::new(Tools {
        root,
        config,
        allow_write: args.allow_write,
        turn: Mutex::new(()),
    }));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(async {
        let service = match server.serve(rmcp::transport::stdio()).await {
            Ok(service) => service,
            Err(ServerInitializeError::ConnectionClosed(_)) => {
                terminal.warning(
                    "the client left before it began; kubewright mcp is started by an assistant, \
                     which speaks the Model Context Protocol with it",
                );
                return Ok(());
            }
            Err(error) => bail!("what came is not the Model Context Protocol: {error}"),
        };
        service.waiting().await.context("the server stopped")?;
        Ok(())
    })?;
    Ok(Status::Clean)
}

/// What the tools work with.
pub(super) struct Tools {
    /// Absolute and without symbolic links; nothing outside of it is reported or written.
    root: PathBuf,
    config: Option<PathBuf>,
    allow_write: bool,
    turn: Mutex<()>,
}

impl Tools {
    /// Those that are offered.
    fn offered(&self) -> Vec<Tool> {
        let all = tools::all().into_iter();
        all.filter(|tool| self.allow_write || tool.name != tools::APPLY)
            .collect()
    }

    /// Runs one, when its turn comes.
    fn call(&self, name: &str, arguments: JsonObject) -> Result<Answer> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let terminal = Terminal::new(Color::Never);
        match name {
            tools::FIND => run::find(self, tools::read(arguments)?, &terminal),
            tools::EXPLAIN => run::explain(&tools::read(arguments)?),
            tools::GRAPH => run::graph(self, &tools::read(arguments)?, &terminal),
            tools::PREVIEW => run::preview(self, tools::read(arguments)?, &terminal),
            tools::APPLY => run::apply(self, tools::read(arguments)?, &terminal),
            _ => Err(anyhow!("there is no tool {name}")),
        }
    }
}

/// What a tool answers to any arguments.
#[cfg(fuzzing)]
pub(super) fn called(
    root: &std::path::Path,
    name: &str,
    arguments: serde_json::Value,
) -> Result<serde_json::Value> {
    let tools = Tools {
        root: root.canonicalize()?,
        config: None,
        allow_write: false,
        turn: Mutex::new(()),
    };
    let arguments = serde_json::from_value(arguments)?;
    Ok(tools.call(name, arguments)?.structured)
}

/// The protocol's side of the tools.
#[derive(Clone)]
struct Server(Arc<Tools>);

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let me = Implementation::new("kubewright", VERSION).with_website_url(HOME);
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(me)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.0.offered()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.into_owned();
        if !tools::all().iter().any(|tool| tool.name == name) {
            let names = self.0.offered();
            let names: Vec<&str> = names.iter().map(|tool| &*tool.name).collect();
            let text = format!(
                "there is no tool {name}; the tools are {}",
                names.join(", ")
            );
            return Err(ErrorData::invalid_params(text, None));
        }
        let tools = Arc::clone(&self.0);
        let arguments = request.arguments.unwrap_or_default();
        // A run takes its time: messages are read meanwhile.
        let run = tokio::task::spawn_blocking(move || tools.call(&name, arguments));
        let answer = run.await.map_err(|_| {
            ErrorData::internal_error("the tool stopped: a bug of kubewright", None)
        })?;
        let result = match answer {
            Ok(answer) => {
                let mut result = CallToolResult::structured(answer.structured);
                result.content = vec![ContentBlock::text(answer.text)];
                result
            }
            Err(error) => CallToolResult::error(vec![ContentBlock::text(terminal::words(&error))]),
        };
        Ok(result.into())
    }
}
