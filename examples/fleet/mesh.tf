# With Terraform, cloud-init writes the file when the instance boots for the first time.
locals {
  inventory = jsondecode(file("${path.module}/inventory.json"))
  mesh = jsonencode({
    vxlan = {
      mesh0 = {
        vni   = local.inventory.vni
        local = "auto"
        peers = [for name, host in local.inventory.hosts : { dst = host.outer, name = name }]
      }
    }
  })
}

resource "aws_instance" "gate" {
  for_each      = local.inventory.hosts
  ami           = var.image # with the package installed, and vxlanctl.service enabled
  instance_type = "t4g.nano"
  private_ip    = each.value.outer
  user_data = <<-END
    #cloud-config
    ${jsonencode({
  write_files = [
    { path = "/etc/vxlanctl/mesh.json", content = local.mesh },
    {
      path    = "/etc/vxlanctl/mesh.json.d/address.json"
      content = jsonencode({ vxlan = { mesh0 = { addresses = [each.value.inner] } } })
    },
  ]
  runcmd = [["systemctl", "restart", "vxlanctl.service"]]
})}
  END
}
