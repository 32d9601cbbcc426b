"""OCI images: content store, archives, registry pulls, and the image of hyperpy itself."""
