"""Custom kinds: what a CustomResourceDefinition says, as kinds that the rest of the house treats like its own.

CustomResourceDefinition ── family.of ──▶ Family ── a CustomVersion each ──▶ Kind.definition
                                            │ schema · pruning · defaults · validation · columns · scale
"""
