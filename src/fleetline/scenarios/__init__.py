"""The scenarios that come with fleetline, one TOML file each."""
