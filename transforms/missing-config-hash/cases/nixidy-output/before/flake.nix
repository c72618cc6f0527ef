{
  inputs.nixidy.url = "github:arnarg/nixidy";
}
