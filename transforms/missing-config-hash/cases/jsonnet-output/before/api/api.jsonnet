std.manifestYamlStream([])
