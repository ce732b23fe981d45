"""Architecture files that come with the plugin; the folder of this module has them."""
