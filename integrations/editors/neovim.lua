-- kubewright in Neovim 0.7 or later: put this file into ~/.config/nvim/plugin/.
-- It starts one server for each repository, for the YAML and JSON files in it.
vim.api.nvim_create_autocmd("FileType", {
  pattern = { "yaml", "json" },
  callback = function(event)
    local file = vim.api.nvim_buf_get_name(event.buf)
    local function above(name)
      local found = vim.fn.finddir(name, vim.fn.fnamemodify(file, ":h") .. ";")
      return found ~= "" and vim.fn.fnamemodify(found, ":p:h:h") or nil
    end
    local root = above(".git") or vim.fn.fnamemodify(file, ":p:h")
    local config = { name = "kubewright", cmd = { "kubewright", "lsp" }, root_dir = root }
    if vim.lsp.start then
      vim.lsp.start(config)
      return
    end
    kubewright_clients = kubewright_clients or {}
    kubewright_clients[root] = kubewright_clients[root] or vim.lsp.start_client(config)
    vim.lsp.buf_attach_client(event.buf, kubewright_clients[root])
  end,
})
