-- Neovim with the plugin of integrations/editors: diagnostics, a definition, and a fix.
local function must(holds, what)
  if not holds then
    io.stderr:write(what .. "\n")
    vim.cmd("cquit 1")
  end
  return holds
end

vim.cmd("filetype on")
dofile(vim.env.KUBEWRIGHT_PLUGIN)
vim.cmd("edit app.yaml")
local buffer = vim.api.nvim_get_current_buf()
local function found()
  return vim.diagnostic.get(buffer)
end
must(vim.wait(60000, function() return #found() > 0 end, 20), "no diagnostics came")
must(found()[1].source == "kubewright", vim.inspect(found()))

-- On the name of the ConfigMap that the container reads.
local line = vim.fn.search("configMapRef") + 1
vim.api.nvim_win_set_cursor(0, { line, #vim.fn.getline(line) - 1 })
local function ask(method, params)
  local _, answer = next(vim.lsp.buf_request_sync(buffer, method, params, 60000) or {})
  return must(answer and answer.result, method .. " has no answer")
end
local places = ask("textDocument/definition", vim.lsp.util.make_position_params())
must(vim.endswith(places[1].uri, "config.yaml"), vim.inspect(places))

vim.api.nvim_win_set_cursor(0, { found()[1].lnum + 1, 0 })
local params = vim.lsp.util.make_range_params()
params.context = { diagnostics = {} }
local action = ask("textDocument/codeAction", params)[1]
must(action.kind == "quickfix", vim.inspect(action))
vim.lsp.util.apply_workspace_edit(action.edit, "utf-16")
must(vim.fn.search("kubewright.dev/config-hash") > 0, "the fix changes nothing")
must(vim.wait(60000, function() return #found() == 0 end, 20), "the finding stays")
vim.cmd("qall!")
